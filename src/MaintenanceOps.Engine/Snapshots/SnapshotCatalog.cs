using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Which snapshots are wanted. Every condition that is set must hold.</summary>
public sealed record SnapshotFilter
{
    /// <summary>Source names; <c>*</c> and <c>?</c> stand for any characters.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Tags, all of which a snapshot must have.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Only snapshots taken before this moment.</summary>
    public DateTimeOffset? Before { get; init; }

    /// <summary>Only snapshots taken at this moment or after it.</summary>
    public DateTimeOffset? After { get; init; }

    /// <summary>Only snapshots that passed a check and have not failed one since.</summary>
    public bool Verified { get; init; }

    /// <summary>Only the newest one of each source.</summary>
    public bool Latest { get; init; }
}

/// <summary>Lists and finds the snapshots of a repository.</summary>
public sealed class SnapshotCatalog(Repository repository)
{
    /// <summary>The snapshots that pass the filter, oldest first.</summary>
    /// <param name="filter">What is wanted; everything where it is null.</param>
    /// <param name="sink">Hears of manifests that cannot be read; they do not hide the others.</param>
    public IReadOnlyList<Snapshot> List(SnapshotFilter? filter = null, IOperationSink? sink = null)
    {
        filter ??= new SnapshotFilter();
        var tests = TestResults();
        var snapshots = new List<Snapshot>();
        foreach (var id in repository.ManifestIds())
        {
            try
            {
                snapshots.Add(Describe(id, repository.ReadManifest(id), tests));
            }
            catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound)
            {
                sink?.Warn(e.Message);
            }
        }

        var wanted = snapshots.Where(s => Passes(s, filter)).OrderBy(s => s.Created).ThenBy(s => s.Id, StringComparer.Ordinal);
        return filter.Latest
            ? [.. wanted.GroupBy(s => s.Source).Select(g => g.Last()).OrderBy(s => s.Created)]
            : [.. wanted];
    }

    /// <summary>Throws where a source is named, without wildcards, that the repository does not have: a slip of the keyboard.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotNotFound"/>.</exception>
    public void RequireSources(IReadOnlyList<string> sources)
    {
        if (sources.Count == 0)
        {
            return;
        }

        var known = List().Select(s => s.Source).ToHashSet(StringComparer.OrdinalIgnoreCase);
        if (sources.FirstOrDefault(s => !s.Contains('*', StringComparison.Ordinal) && !s.Contains('?', StringComparison.Ordinal) && !known.Contains(s)) is { } unknown)
        {
            throw new MaintenanceException(
                ErrorCode.SnapshotNotFound,
                $"{repository.Location} has no snapshot of '{unknown}'. It has {(known.Count == 0 ? "none of anything" : string.Join(", ", known.Order(StringComparer.Ordinal).Take(10)))}.",
                unknown);
        }
    }

    /// <summary>Finds one snapshot by its id, the beginning of one, or as <c>latest</c>.</summary>
    /// <param name="id">What the user gave.</param>
    /// <param name="source">Narrows <c>latest</c> down to one source; it may be left out where there is only one.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotNotFound"/> or <see cref="ErrorCode.SnapshotAmbiguous"/>.</exception>
    public Snapshot Find(string id, string? source = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        if (string.Equals(id, SnapshotReference.Latest, StringComparison.OrdinalIgnoreCase))
        {
            return FindLatest(source);
        }

        var matches = repository.ManifestIds().Where(m => m.StartsWith(id, StringComparison.OrdinalIgnoreCase)).Take(2).ToList();
        return matches.Count switch
        {
            1 => Describe(matches[0], repository.ReadManifest(matches[0]), TestResults(matches[0])),
            0 => throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{repository.Location} has no snapshot '{id}'. Get-Snapshot lists what it has.", id),
            _ => throw new MaintenanceException(ErrorCode.SnapshotAmbiguous, $"More than one snapshot of {repository.Location} begins with '{id}'. Give more digits.", id),
        };
    }

    /// <summary>
    /// Finds the base backup that a recovery begins with: the one that was named, or with <c>latest</c> the newest one that
    /// ended before the target.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotNotFound"/> or <see cref="ErrorCode.SnapshotAmbiguous"/>.</exception>
    public Snapshot FindBefore(RecoveryTarget target, string id, string? source = null)
    {
        var found = Find(id, source);
        if (!string.Equals(id, SnapshotReference.Latest, StringComparison.OrdinalIgnoreCase) || (target.Moment is null && target.Place is null))
        {
            return found;
        }

        return List(new SnapshotFilter { Sources = [found.Source] })
            .LastOrDefault(s => repository.ReadManifest(s.Id).Postgres?.Base is { } b && target.IsAtOrAfter(b.Ended, b.EndLsn))
            ?? throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{repository.Location} has no base backup of '{found.Source}' that ended before {target.Value}.", target.Value);
    }

    /// <summary>Removes a snapshot. Its blocks become free with the next prune.</summary>
    public void Remove(string id)
    {
        repository.Store.Delete(Manifest.ObjectName(id));
        foreach (var test in repository.Store.List(TestRecord.Folder(id)).ToList())
        {
            repository.Store.Delete(test.Name);
        }
    }

    /// <summary>The newest snapshot of a source that can be compared with; null for a first one.</summary>
    internal (string Id, Manifest Manifest)? Parent(string source, SnapshotKind kind)
    {
        (string Id, Manifest Manifest)? newest = null;
        foreach (var id in repository.ManifestIds())
        {
            try
            {
                var manifest = repository.ReadManifest(id);
                if (manifest.Source == source && manifest.Kind == kind && (newest is null || manifest.Created > newest.Value.Manifest.Created))
                {
                    newest = (id, manifest);
                }
            }
            catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound)
            {
                // A damaged one is no parent; Test-SnapshotRepository tells of it.
            }
        }

        return newest;
    }

    internal Snapshot Describe(string id, Manifest manifest) => Describe(id, manifest, TestResults(id));

    private Snapshot Describe(string id, Manifest manifest, ILookup<string, TestName> tests)
    {
        // Only the records that decide are opened: the last failure, and of what passed since, the most thorough. A
        // failure is outweighed by no check that looked less closely than the one that found it.
        var results = tests[id].OrderBy(t => t.At).ToList();
        var last = results.FindLastIndex(t => t.Outcome != TestOutcome.Passed && IsGenuine(repository, t));
        var passed = results.Skip(last + 1).Where(t => t.Outcome == TestOutcome.Passed).OrderByDescending(t => t.Level).ThenByDescending(t => t.At).FirstOrDefault(t => IsGenuine(repository, t));
        var failure = last >= 0 && (passed is null || passed.Level < results[last].Level) ? results[last] : null;
        var level = failure is not null ? VerificationLevel.None : (VerificationLevel)Math.Max((int)(passed?.Level ?? 0), last < 0 ? (int)manifest.Verified : 0);
        return new Snapshot
        {
            Id = id,
            Repository = repository.Location,
            Source = manifest.Source,
            Kind = manifest.Kind,
            Created = manifest.Created,
            Elapsed = TimeSpan.FromSeconds(manifest.ElapsedSeconds),
            WritePause = TimeSpan.FromSeconds(manifest.WritePauseSeconds),
            Size = manifest.Size,
            StoredSize = manifest.StoredSize,
            Origin = manifest.Origin,
            Host = manifest.Host,
            SetId = manifest.Set,
            Parent = manifest.Parent,
            Tags = manifest.Tags,
            ContentHash = manifest.ContentHash,
            Verified = level,
            VerifiedAt = level == VerificationLevel.None ? null : passed?.At ?? manifest.Created,
            Damaged = failure?.Outcome == TestOutcome.Damaged,
            AssertionFailed = failure?.Outcome == TestOutcome.Failed,
            Warnings = manifest.Warnings,
            Tables = manifest.Sqlite?.Tables ?? TablesOf(manifest.Postgres),
            SchemaHash = manifest.Sqlite?.SchemaHash ?? "",
            FileCount = manifest.FileCount,
        };
    }

    /// <summary>Of several databases each table comes with its database in front.</summary>
    private static TableCount[] TablesOf(PostgresFacts? facts) => facts?.Databases switch
    {
        null => [],
        [var only] => only.Tables,
        var several => [.. several.SelectMany(d => d.Tables.Select(t => t with { Name = $"{d.Name}.{t.Name}" }))],
    };

    private Snapshot FindLatest(string? source)
    {
        // What a restore saved is found by its full name only: nobody wants the broken state back by accident.
        var candidates = List(new SnapshotFilter { Latest = true, Sources = source is null ? [] : [source] })
            .Where(c => !SafetySource.Is(c.Source) || c.Source == source)
            .ToList();
        return candidates.Count switch
        {
            1 => candidates[0],
            0 => throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{repository.Location} has no snapshot{(source is null ? "" : $" of '{source}'")}.", source),
            _ => throw new MaintenanceException(
                ErrorCode.SnapshotAmbiguous,
                $"{repository.Location} holds several sources ({string.Join(", ", candidates.Select(c => c.Source))}); say which with -Source.",
                source),
        };
    }

    /// <summary>Whether the record under this name was sealed by this repository for this snapshot and says what its name says.</summary>
    internal static bool IsGenuine(Repository repository, TestName test, string? name = null)
    {
        try
        {
            name ??= test.ObjectName;
            var bytes = repository.Store.Read(name);
            var record = bytes is null ? null : repository.Unseal(ObjectKind.TestRecord, name, name, bytes, c => TestRecord.FromBytes(c));
            return record is not null && record.Snapshot == test.Snapshot && record.Level == test.Level && TestName.OutcomeOf(record) == test.Outcome;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return false;
        }
    }

    private static bool Passes(Snapshot snapshot, SnapshotFilter filter) =>
        (filter.Sources.Count == 0 || filter.Sources.Any(p => Wildcard.Matches(snapshot.Source, p)))
        && filter.Tags.All(t => snapshot.Tags.Contains(t, StringComparer.OrdinalIgnoreCase))
        && (filter.Before is null || snapshot.Created < filter.Before)
        && (filter.After is null || snapshot.Created >= filter.After)
        && (!filter.Verified || snapshot.Verified > VerificationLevel.None);

    private ILookup<string, TestName> TestResults(string id = "") => repository.Store
        .List(id.Length == 0 ? "tests/" : TestRecord.Folder(id))
        .Select(o => TestName.Parse(o.Name))
        .OfType<TestName>()
        .ToLookup(t => t.Snapshot);

    /// <summary>
    /// What the name of a check's record tells, so that a list of snapshots need not open every record. The name is
    /// sealed into the record; Test-SnapshotRepository compares.
    /// </summary>
    internal sealed record TestName(string Snapshot, DateTimeOffset At, VerificationLevel Level, TestOutcome Outcome)
    {
        private const string Letters = "pfd";

        public static string For(TestRecord record) => new TestName(record.Snapshot, record.At, record.Level, OutcomeOf(record)).ObjectName;

        public static TestOutcome OutcomeOf(TestRecord record) =>
            record.Passed ? TestOutcome.Passed : record.Damaged ? TestOutcome.Damaged : TestOutcome.Failed;

        public string ObjectName => string.Create(
            CultureInfo.InvariantCulture,
            $"{TestRecord.Folder(Snapshot)}{At.ToUnixTimeMilliseconds():d14}-{(int)Level}-{Letters[(int)Outcome]}");

        public static TestName? Parse(string name)
        {
            var parts = name.Split('/');
            var words = parts.Length == 3 ? parts[2].Split('-') : [];
            return words.Length == 3
                && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
                && milliseconds < 253402300800000
                && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var level)
                && words[2].Length == 1
                && Letters.IndexOf(words[2][0]) is >= 0 and var outcome
                ? new TestName(parts[1], DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), (VerificationLevel)level, (TestOutcome)outcome)
                : null;
        }
    }

    /// <summary>How a check ended.</summary>
    internal enum TestOutcome
    {
        Passed,

        /// <summary>The content came back as it was taken, and an assertion about it did not hold.</summary>
        Failed,

        /// <summary>Content is lost or changed.</summary>
        Damaged,
    }
}
