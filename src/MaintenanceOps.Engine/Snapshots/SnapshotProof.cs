using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>How a snapshot is to be proven.</summary>
public sealed record ProofOptions
{
    /// <summary>How thoroughly.</summary>
    public VerificationLevel Level { get; init; } = VerificationLevel.Quick;

    /// <summary>
    /// SQL that must give a true value (neither null, zero nor empty) in the restored database, as in
    /// <c>select count(*) > 0 from users</c>. It asks for <see cref="VerificationLevel.Restore"/>.
    /// </summary>
    public IReadOnlyList<string> Assert { get; init; } = [];

    /// <summary>Of a PostgreSQL cluster: the database that is asked; <c>postgres</c> where it is null.</summary>
    public string? Database { get; init; }

    /// <summary>Of a PostgreSQL cluster: its superuser; the one that the snapshot tells where it is null.</summary>
    public string? User { get; init; }

    /// <summary>Of a PostgreSQL cluster: how far to recover from the log archive before it is asked; null stays at the base backup.</summary>
    public RecoveryTarget? Recovery { get; init; }

    /// <summary>Where the scratch restore goes; the system's temporary folder where it is null.</summary>
    public string? ScratchFolder { get; init; }
}

/// <summary>Proves snapshots: that their objects are there, that every byte is right, that they restore.</summary>
public sealed class SnapshotProof(Repository repository, IOperationSink sink)
{
    /// <summary>Proves one snapshot and records the result beside it.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="options">How thoroughly.</param>
    /// <param name="cancellation">Ends the check; then nothing is recorded.</param>
    /// <returns>The result; damage is a finding in it, not an exception.</returns>
    /// <exception cref="MaintenanceException">The store fails, or the scratch folder has no room.</exception>
    public SnapshotTest Run(Snapshot snapshot, ProofOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(options);
        var level = options.Assert.Count > 0 ? VerificationLevel.Restore : options.Level;
        if (level == VerificationLevel.None)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "None is no level to test at. Use Quick, Full or Restore.");
        }

        if (options.Assert.Any(string.IsNullOrWhiteSpace))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "An assertion is empty. Is a variable not set?");
        }

        if (options.Assert.Count > 0 && snapshot.Kind == SnapshotKind.Files)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, "-Assert is SQL, which a snapshot of files cannot answer.", snapshot.Id);
        }

        using var lease = repository.ShareForReading($"test of {snapshot.Source}", cancellation);
        var watch = Stopwatch.StartNew();
        var drill = new Drill();
        try
        {
            Prove(snapshot, level, options, drill, cancellation);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.DrillNotPossible)
        {
            drill.Unproven(e.Message, snapshot);
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound or ErrorCode.VerificationFailed or ErrorCode.NotADatabase or ErrorCode.DatabaseCorrupt or ErrorCode.DestinationEscaped)
        {
            drill.Fail(e.Code.ToString(), e.Message, snapshot, e.Target);
        }

        var test = new SnapshotTest
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Created = snapshot.Created,
            Level = level,
            Passed = drill.Passed,
            Damaged = drill.Damaged,
            Unproven = drill.IsUnproven,
            Elapsed = watch.Elapsed,
            Size = snapshot.Size,
            Integrity = drill.Integrity,
            Rows = drill.Rows,
            Files = drill.Files,
            Recovered = drill.Recovered,
            Findings = drill.Findings,
        };
        Record(test, drill.Unchecked);
        return test;
    }

    /// <summary>The rule of what the user asserted and what does not hold: the one failure that is none of the snapshot's.</summary>
    internal const string AssertionFailed = "AssertionFailed";

    /// <summary>The rule of what came back as it was taken, and breaks a constraint of its own database.</summary>
    internal const string RuleBroken = "ConstraintBroken";

    /// <summary>The rule of a drill that could not be made.</summary>
    private const string DrillNotPossible = nameof(ErrorCode.DrillNotPossible);

    /// <summary>Of what could not be checked, that much is recorded.</summary>
    private const int MaxGaps = 100;

    /// <summary>What a check gathers on its way.</summary>
    internal sealed class Drill
    {
        public List<RepositoryFinding> Findings { get; } = [];

        public string Integrity { get; set; } = "";

        public long Rows { get; set; } = -1;

        public long Files { get; set; } = -1;

        public RecoveryReached? Recovered { get; set; }

        public bool Passed => Findings.All(f => f.Severity != FindingSeverity.Error);

        public bool Damaged => Findings.Any(f => f.Severity == FindingSeverity.Error && f.Rule is not (AssertionFailed or RuleBroken or DrillNotPossible));

        public bool IsUnproven => !Damaged && Findings.Any(f => f.Rule == DrillNotPossible);

        /// <summary>What the check could not look at, a sentence each.</summary>
        public List<string> Unchecked { get; } = [];

        /// <summary>Notes what the check could not look at: the rest passed or not.</summary>
        public void Gap(string message, Snapshot snapshot)
        {
            Unchecked.Add(message);
            Fail("Unchecked", message, snapshot, severity: FindingSeverity.Warning);
        }

        /// <summary>Notes that the check could not be made, which says nothing about the snapshot.</summary>
        public void Unproven(string message, Snapshot snapshot) => Findings.Add(new RepositoryFinding
        {
            Severity = FindingSeverity.Error,
            Rule = DrillNotPossible,
            Message = message,
            Snapshots = [snapshot.Id],
            Repository = snapshot.Repository,
            Action = "The snapshot itself may be good: provide what the drill needs, and test it again.",
        });

        public void Fail(string rule, string message, Snapshot snapshot, string? target = null, FindingSeverity severity = FindingSeverity.Error, string? action = null) => Findings.Add(new RepositoryFinding
        {
            Severity = severity,
            Rule = rule,
            Message = message,
            ObjectName = target ?? "",
            Snapshots = [snapshot.Id],
            Repository = snapshot.Repository,
            Action = action ?? (severity == FindingSeverity.Error ? "Take a new snapshot, and look for an older one that passes: Get-Snapshot -Verified." : ""),
        });
    }

    private void Prove(Snapshot snapshot, VerificationLevel level, ProofOptions options, Drill drill, CancellationToken cancellation)
    {
        var manifest = repository.ReadManifest(snapshot.Id);
        if (level >= VerificationLevel.Full && repository.Store.IsRemote)
        {
            // What is proven must be restorable on a machine that remembers nothing of the packs.
            repository.ReadIndexAfresh(out _);
        }

        if (manifest.MissingCount > 0)
        {
            drill.Fail("Incomplete", $"{manifest.MissingCount} entries of the source could not be read and are missing or not whole, such as '{manifest.Missing.FirstOrDefault()}'. What is there is tested.", snapshot, severity: FindingSeverity.Warning);
        }

        switch (level)
        {
            case VerificationLevel.Restore when snapshot.Kind == SnapshotKind.Sqlite:
                new SqliteDrill(repository, sink).Run(snapshot, manifest, options, drill, cancellation);
                break;
            case VerificationLevel.Restore when snapshot.Kind == SnapshotKind.PostgresPhysical:
                new PostgresClusterDrill(repository, sink).Run(snapshot, manifest, options, drill, cancellation);
                break;
            case VerificationLevel.Restore when snapshot.Kind == SnapshotKind.PostgresLogical:
                new PostgresDumpDrill(repository, sink).Run(snapshot, manifest, options, drill, cancellation);
                break;
            case VerificationLevel.Restore:
                new TreeDrill(repository, sink).Run(snapshot, options, drill, cancellation);
                break;
            case VerificationLevel.Full when snapshot.Kind == SnapshotKind.Sqlite && ScratchFolder.HasRoom(options.ScratchFolder, manifest.Size):
                CheckBlocks(snapshot, manifest, VerificationLevel.Quick, cancellation);
                new SqliteContent(repository, sink).Check(snapshot, manifest, options, drill, cancellation);
                break;
            case VerificationLevel.Full when snapshot.Kind == SnapshotKind.Sqlite:
                CheckBlocks(snapshot, manifest, level, cancellation);
                drill.Gap("Every byte was compared with its hash, but SQLite has not looked at them: the scratch folder has no room for the database.", snapshot);
                break;
            case VerificationLevel.Full when snapshot.Kind == SnapshotKind.Files:
                CheckBlocks(snapshot, manifest, level, cancellation);
                new TreeDrill(repository, sink).CheckDatabases(snapshot, manifest, options, drill, cancellation);
                break;
            default:
                CheckBlocks(snapshot, manifest, level, cancellation);
                break;
        }
    }

    private void CheckBlocks(Snapshot snapshot, Manifest manifest, VerificationLevel level, CancellationToken cancellation)
    {
        var blocks = SnapshotBlocks.Of(repository, snapshot.Id, manifest, cancellation);
        var placement = Placement.Of(repository.Index, blocks);
        placement.RequireComplete(snapshot.Id, repository.Location);
        new PackPresence(repository).Require(placement, snapshot.Id);
        if (level == VerificationLevel.Quick)
        {
            return;
        }

        var digests = new BlockDigest[blocks.Count];
        long read = 0;
        new BlockReader(repository).Read(
            placement.Ordinals,
            (int ordinal, in BlockDigest digest, ReadOnlySpan<byte> block) =>
            {
                foreach (var place in placement.PlacesOf(ordinal))
                {
                    digests[place] = digest;
                }

                sink.Progress($"Testing {snapshot.Source}", Interlocked.Add(ref read, block.Length), -1);
            },
            cancellation);

        // A files snapshot's hash is over its listing, which was compared when it was read.
        if (!snapshot.Kind.HasListing() && ContentHash.Of(digests) != manifest.ContentHash)
        {
            throw new MaintenanceException(ErrorCode.VerificationFailed, $"The content of snapshot {snapshot.ShortId} does not have the hash that was recorded.", snapshot.Id);
        }
    }

    private void Record(SnapshotTest test, List<string> gaps) => TestRecords.Write(
        repository,
        new TestRecord
        {
            Snapshot = test.Id,
            Level = test.Level,
            Passed = test.Passed,
            Damaged = test.Damaged,
            Unproven = test.Unproven,
            At = repository.Time.GetUtcNow(),
            ElapsedSeconds = test.Elapsed.TotalSeconds,
            Findings = [.. test.Findings.Take(20).Select(f => f.Message)],
            Unchecked = [.. gaps.Take(MaxGaps)],
        },
        sink);
}
