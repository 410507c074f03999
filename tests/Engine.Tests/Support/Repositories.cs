using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;

using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>The engine's calls as a test writes them.</summary>
internal static class Repositories
{
    public static Repository New(TestFolder folder, string? passphrase = null) =>
        Repository.Create(folder["repository"], passphrase is null ? null : Passphrase.FromText(passphrase));

    public static Snapshot BackUp(this Repository repository, string database, string source = "app/main") =>
        new SqliteBackup(repository, SilentSink.Instance).Run(database, new BackupOptions { Source = source });

    public static Snapshot BackUpFiles(this Repository repository, string folder, string source = "app/files", params string[] exclude) =>
        new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [folder], Exclude = exclude }, new BackupOptions { Source = source });

    public static RestoreResult Restore(this Repository repository, Snapshot snapshot, RestoreOptions options) =>
        new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, options);

    public static RestoreResult Restore(this Repository repository, Snapshot snapshot, string destination, bool force = false, params string[] include) =>
        new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, new RestoreOptions { Destination = destination, Force = force, Include = include });

    public static RestoreResult RestoreInPlace(this Repository repository, Snapshot snapshot, bool force = false) =>
        new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, new RestoreOptions { InPlace = true, Force = force });

    public static SnapshotTest Prove(this Repository repository, Snapshot snapshot, VerificationLevel level, params string[] assert) =>
        new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = level, Assert = assert });

    /// <summary>Drills in a scratch folder of the test's own, which a private server's user can enter, and sees that nothing stays in it.</summary>
    public static SnapshotTest Drill(this Repository repository, TestFolder folder, Snapshot snapshot, params string[] assert)
    {
        PostgresCluster.Open(folder.Path);
        var test = new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = VerificationLevel.Restore, Assert = assert, ScratchFolder = folder["scratch"] });
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["scratch"]));
        return test;
    }

    public static PruneResult Prune(this Repository repository, bool dryRun = false, bool force = false) =>
        repository.Prune(new PruneOptions { DryRun = dryRun, Force = force });

    public static PruneResult Prune(this Repository repository, PruneOptions options) =>
        new RepositoryPrune(repository, SilentSink.Instance).Run(options);

    public static IReadOnlyList<RepositoryFinding> Check(this Repository repository, VerificationLevel level = VerificationLevel.Full) =>
        [.. new RepositoryCheck(repository, SilentSink.Instance).Run(level)];
}
