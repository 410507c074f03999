using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Lists and finds the snapshots of a repository.</summary>
public sealed class SnapshotCatalog(Repository repository)
{
    /// <summary>The snapshots that pass the filter, oldest first; those of one source in the order in which they were taken.</summary>
    /// <param name="filter">What is wanted; everything where it is null.</param>
    /// <param name="sink">Hears of manifests that cannot be read, and of wrong clocks; neither hides the others.</param>
    /// <param name="unreadableToo">
    /// Lists what cannot be read as well, as damaged snapshots of which only the id is known. It is left out where the filter
    /// asks for what nobody can tell of them.
    /// </param>
    public IReadOnlyList<Snapshot> List(SnapshotFilter? filter = null, IOperationSink? sink = null, bool unreadableToo = false)
    {
        filter ??= new SnapshotFilter();
        var (snapshots, unreadable) = ReadAll();
        foreach (var damaged in unreadable)
        {
            sink?.Warn(damaged.Reason);
        }

        TellOfClocks(snapshots, sink);
        var known = SourcesOf(snapshots);
        var wanted = snapshots.Where(s => Passes(s, filter, known));
        if (filter.Latest)
        {
            return [.. wanted.GroupBy(s => s.Source).Select(g => g.Last()).OrderBy(s => s.Moment)];
        }

        return unreadableToo && filter is { Tags.Count: 0, Before: null, After: null, Verified: false }
            ? [.. wanted, .. unreadable.Select(Stub).Where(s => filter.Sources.Count == 0 || s.Source.Length == 0 || Passes(s, filter, known))]
            : [.. wanted];
    }

    /// <summary>What is known of a snapshot whose manifest cannot be read.</summary>
    private Snapshot Stub(UnreadableManifest manifest) => new()
    {
        Id = manifest.Id,
        Repository = repository.Location,
        Source = PathCodec.Display(manifest.Source ?? ""),
        Kind = SnapshotKind.Files,
        Created = repository.Store.List(Manifest.ObjectName(manifest.Id)).Select(o => o.Modified).FirstOrDefault(),
        Damaged = true,
        Warnings = [manifest.Reason],
    };

    /// <summary>A manifest that cannot be read, and the source that it names where that much can be told.</summary>
    internal sealed record UnreadableManifest(string Id, string Reason, string? Source);

    /// <summary>All snapshots in order, and the manifests that cannot be read.</summary>
    private (List<Snapshot> Snapshots, List<UnreadableManifest> Unreadable) ReadAll()
    {
        var tests = TestResults();
        var snapshots = new List<Snapshot>();
        var unreadable = new List<UnreadableManifest>();
        foreach (var id in repository.ManifestIds())
        {
            try
            {
                snapshots.Add(Describe(id, repository.ReadManifest(id), tests));
            }
            catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound)
            {
                unreadable.Add(new UnreadableManifest(id, e.Message, (e.InnerException as OddManifestException)?.NamedSource));
            }
        }

        var now = repository.Time.GetUtcNow();
        var ordered = snapshots.GroupBy(s => s.Source).SelectMany(g => SnapshotOrder.Of(g, now));
        return ([.. ordered.OrderBy(s => s.Moment).ThenBy(s => s.Number)], unreadable);
    }

    private static void TellOfClocks(List<Snapshot> snapshots, IOperationSink? sink)
    {
        foreach (var source in snapshots.Where(s => s.ClockDoubtful).GroupBy(s => s.Source))
        {
            sink?.Warn(
                $"{source.Count()} of the snapshots of '{source.Key}' bear a time that contradicts their order, such as {source.First().ShortId} ({source.First().Created:yyyy-MM-dd HH:mm} UTC): a clock was wrong. They are ordered by number.");
        }
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
    /// <exception cref="MaintenanceException">As with <see cref="Find(string, LatestRule, IOperationSink?)"/>.</exception>
    public Snapshot Find(string id, string? source = null) => Find(id, new LatestRule { Source = source });

    /// <summary>Finds one snapshot by its id, the beginning of one, or as <c>latest</c>.</summary>
    /// <param name="id">What the user gave.</param>
    /// <param name="rule">Which one <c>latest</c> is.</param>
    /// <param name="sink">Hears of newer snapshots that are passed over because their test failed.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.SnapshotNotFound"/>, <see cref="ErrorCode.SnapshotAmbiguous"/>, or
    /// <see cref="ErrorCode.LatestUnreadable"/>: a manifest that may be newer cannot be read.
    /// </exception>
    public Snapshot Find(string id, LatestRule rule, IOperationSink? sink = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        ArgumentNullException.ThrowIfNull(rule);
        if (string.Equals(id, SnapshotReference.Latest, StringComparison.OrdinalIgnoreCase))
        {
            return FindLatest(rule, sink);
        }

        var matches = repository.ManifestIds().Where(m => m.StartsWith(id, StringComparison.OrdinalIgnoreCase)).Take(2).ToList();
        return matches.Count switch
        {
            1 => Describe(matches[0], repository.ReadManifest(matches[0]), TestResults(matches[0])),
            0 => throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{repository.Location} has no snapshot '{id}'. Get-Snapshot lists what it has.", id),
            _ => throw new MaintenanceException(ErrorCode.SnapshotAmbiguous, $"More than one snapshot of {repository.Location} begins with '{id}'. Give more digits.", id),
        };
    }

    /// <summary>Finds a snapshot to remove: as <see cref="Find(string, string?)"/> does, and by its id also one whose manifest cannot be read.</summary>
    /// <exception cref="MaintenanceException">As with <see cref="Find(string, LatestRule, IOperationSink?)"/>.</exception>
    public Snapshot FindToRemove(string id, string? source = null)
    {
        try
        {
            return Find(id, new LatestRule { Source = source, EvenFailed = true });
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return Stub(new UnreadableManifest(repository.ManifestIds().First(m => m.StartsWith(id, StringComparison.OrdinalIgnoreCase)), e.Message, null));
        }
    }

    /// <summary>
    /// Finds the base backup that a recovery begins with: the one that was named, or with <c>latest</c> the newest one that
    /// ended before the target and lies in the past of the wanted timeline.
    /// </summary>
    /// <exception cref="MaintenanceException">As with <see cref="Find(string, LatestRule, IOperationSink?)"/>.</exception>
    public Snapshot FindBefore(RecoveryTarget target, string id, LatestRule rule, IOperationSink? sink = null)
    {
        var found = Find(id, rule, sink);
        if (!string.Equals(id, SnapshotReference.Latest, StringComparison.OrdinalIgnoreCase))
        {
            return found;
        }

        // One that was taken on a timeline that was given up since leads nowhere.
        var line = new RecoveryLine(repository, target);
        var before = List(new SnapshotFilter { Sources = [found.Source], Verified = rule.Verified })
            .Where(s => rule.EvenFailed || (!s.Damaged && !s.AssertionFailed))
            .Select(s => (Snapshot: s, repository.ReadManifest(s.Id).Postgres))
            .Where(s => s.Postgres?.Base is { } b && target.IsAtOrAfter(b.Ended, b.EndLsn))
            .ToList();
        return before.LastOrDefault(s => line.LeadsFrom(s.Postgres!)).Snapshot ?? before.LastOrDefault().Snapshot
            ?? (target is { Moment: null, Place: null } ? found : throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{repository.Location} has no base backup of '{found.Source}' that ended before {target.Value}.", target.Value));
    }

    /// <summary>Removes a snapshot. Its blocks become free with the next prune.</summary>
    public void Remove(string id)
    {
        // First, so that nobody takes it for lost.
        new Prune.Tombstones(repository).Put(id);
        repository.Store.Delete(Manifest.ObjectName(id));
        foreach (var test in repository.Store.List(TestRecord.Folder(id)).ToList())
        {
            repository.Store.Delete(test.Name);
        }
    }

    /// <summary>The newest snapshot of a source that can be compared with; null for a first one.</summary>
    internal (string Id, Manifest Manifest)? Parent(string source, SnapshotKind kind)
    {
        var newest = ManifestsOf(source)
            .Where(m => m.Manifest.Kind == kind)
            .OrderBy(m => m.Manifest.Number)
            .ThenBy(m => m.Manifest.Created)
            .LastOrDefault();
        return newest.Manifest is null ? null : newest;
    }

    /// <summary>The number of the next snapshot of a source: one more than any that can be read has.</summary>
    internal long NextNumber(string source) => 1 + ManifestsOf(source).Select(m => m.Manifest.Number).DefaultIfEmpty(0).Max();

    /// <summary>The manifests of a source. A damaged one is passed over; Test-SnapshotRepository tells of it.</summary>
    private IEnumerable<(string Id, Manifest Manifest)> ManifestsOf(string source)
    {
        foreach (var id in repository.ManifestIds())
        {
            Manifest manifest;
            try
            {
                manifest = repository.ReadManifest(id);
            }
            catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound)
            {
                continue;
            }

            if (manifest.Source == source)
            {
                yield return (id, manifest);
            }
        }
    }

    internal Snapshot Describe(string id, Manifest manifest) => Describe(id, manifest, TestResults(id));

    private Snapshot Describe(string id, Manifest manifest, ILookup<string, TestName> tests)
    {
        // Only the records that decide are opened: the last failure, and of what passed since, the most thorough. A
        // failure is outweighed by no check that looked less closely than the one that found it.
        var results = tests[id].Where(t => t.Outcome != TestOutcome.Unproven).OrderBy(t => t.At).ToList();
        var last = results.FindLastIndex(t => t.Outcome != TestOutcome.Passed && TestRecords.IsGenuine(repository, t));
        var passed = results.Skip(last + 1).Where(t => t.Outcome == TestOutcome.Passed).OrderByDescending(t => t.Level).ThenByDescending(t => t.At).FirstOrDefault(t => TestRecords.IsGenuine(repository, t));
        var failure = last >= 0 && (passed is null || passed.Level < results[last].Level) ? results[last] : null;
        var level = failure is not null ? VerificationLevel.None : (VerificationLevel)Math.Max((int)(passed?.Level ?? 0), last < 0 ? (int)manifest.Verified : 0);
        return new Snapshot
        {
            Id = id,
            Repository = repository.Location,
            Source = manifest.Source,
            Kind = manifest.Kind,
            Number = manifest.Number,
            Created = manifest.Created,
            MissingCount = manifest.MissingCount,
            Missing = manifest.Missing,
            Unchecked = level > manifest.Verified ? [.. manifest.Unchecked.Union(Gaps(passed))] : manifest.Unchecked,
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

    /// <summary>What a test that passed could not look at.</summary>
    private string[] Gaps(TestName? test) => test is null ? [] : TestRecords.Read(repository, test)?.Unchecked ?? [];

    /// <summary>Of several databases each table comes with its database in front.</summary>
    private static TableCount[] TablesOf(PostgresFacts? facts) => facts?.Databases switch
    {
        null => [],
        [var only] => only.Tables,
        var several => [.. several.SelectMany(d => d.Tables.Select(t => t with { Name = $"{d.Name}.{t.Name}" }))],
    };

    private Snapshot FindLatest(LatestRule rule, IOperationSink? sink)
    {
        var (snapshots, unreadable) = ReadAll();
        var filter = new SnapshotFilter { Sources = rule.Source is null ? [] : [rule.Source], Verified = rule.Verified };
        var known = SourcesOf(snapshots);

        // What a restore saved is found by its full name only: nobody wants the broken state back by accident.
        var sources = snapshots
            .Where(s => Passes(s, filter, known) && (!SafetySource.Is(s.Source) || s.Source == rule.Source))
            .GroupBy(s => s.Source)
            .ToList();
        return sources.Count switch
        {
            1 => RequireNewest(NewestSound([.. sources[0]], rule, sink), unreadable, rule.Verified),
            0 => throw new MaintenanceException(
                ErrorCode.SnapshotNotFound,
                $"{repository.Location} has no {(rule.Verified ? "complete snapshot that was checked or restored" : "snapshot")}{(rule.Source is null ? "" : $" of '{rule.Source}'")}.",
                rule.Source),
            _ => throw new MaintenanceException(
                ErrorCode.SnapshotAmbiguous,
                $"{repository.Location} holds several sources ({string.Join(", ", sources.Select(c => c.Key))}); say which with -Source.",
                rule.Source),
        };
    }

    /// <summary>The newest one that has not failed a test, unless the rule takes those too. What is passed over is told.</summary>
    private Snapshot NewestSound(List<Snapshot> snapshots, LatestRule rule, IOperationSink? sink)
    {
        var newest = snapshots[^1];
        var sound = rule.EvenFailed ? newest : snapshots.FindLast(s => !s.Damaged && !s.AssertionFailed);
        if (sound is null)
        {
            throw new MaintenanceException(
                ErrorCode.SnapshotNotFound,
                $"Every snapshot of '{newest.Source}' in {repository.Location} failed its last test. Name one by its id, such as {newest.ShortId}.",
                newest.Source);
        }

        if (sound.Id != newest.Id)
        {
            sink?.Warn($"Snapshot {newest.ShortId} of '{newest.Source}' is newer, but it failed its last test, so 'latest' is {sound.ShortId} ({sound.Created:yyyy-MM-dd HH:mm} UTC).");
        }

        return sound;
    }

    /// <summary>
    /// Refuses to call a snapshot the latest where a manifest that cannot be read may be a newer one of its source. A manifest
    /// that the store wrote before it is older, and who asks for a verified one has asked for what can be read.
    /// </summary>
    private Snapshot RequireNewest(Snapshot newest, List<UnreadableManifest> unreadable, bool verified)
    {
        var suspects = unreadable.Where(u => u.Source is null || u.Source == newest.Source).ToList();
        if (verified || suspects.Count == 0)
        {
            return newest;
        }

        var written = repository.Store.List("snapshots/").ToDictionary(o => o.Name, o => o.Modified);
        var known = written.GetValueOrDefault(Manifest.ObjectName(newest.Id), DateTimeOffset.MinValue);
        return suspects.Find(u => written.GetValueOrDefault(Manifest.ObjectName(u.Id), DateTimeOffset.MaxValue) >= known) is not { } newer
            ? newest
            : throw new MaintenanceException(
                ErrorCode.LatestUnreadable,
                $"Snapshot {newer.Id[..8]} cannot be read and may be newer than {newest.ShortId} of '{newest.Source}' ({newest.Created:yyyy-MM-dd HH:mm} UTC), the newest one that can be read. To use that one, name it: {newest.ShortId}. Test-SnapshotRepository says what is wrong; Remove-Snapshot takes the unreadable one away.",
                newer.Id);
    }

    private static HashSet<string> SourcesOf(List<Snapshot> snapshots) => snapshots.Select(s => s.Source).ToHashSet(StringComparer.Ordinal);

    /// <param name="snapshot">A snapshot.</param>
    /// <param name="filter">What is wanted.</param>
    /// <param name="known">The sources that there are: one of them that is named is meant as it is written, and not another case of it.</param>
    private static bool Passes(Snapshot snapshot, SnapshotFilter filter, HashSet<string> known) =>
        (filter.Sources.Count == 0 || filter.Sources.Any(p => known.Contains(p) ? snapshot.Source == p : Wildcard.Matches(snapshot.Source, p)))
        && filter.Tags.All(t => snapshot.Tags.Contains(t, StringComparer.OrdinalIgnoreCase))
        && (filter.Before is null || snapshot.Moment < filter.Before)
        && (filter.After is null || snapshot.Moment >= filter.After)
        && (!filter.Verified || (snapshot.State >= SnapshotState.Checked && !snapshot.AssertionFailed));

    private ILookup<string, TestName> TestResults(string id = "") => repository.Store
        .List(id.Length == 0 ? "tests/" : TestRecord.Folder(id))
        .Select(o => TestName.Parse(o.Name))
        .OfType<TestName>()
        .ToLookup(t => t.Snapshot);
}
