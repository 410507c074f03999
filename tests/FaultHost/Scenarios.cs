using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.FaultHost;

/// <summary>
/// What is interrupted. The folder has <c>repository</c> with one snapshot each of <c>app.db</c> and <c>tree</c>, which
/// have changed since, an empty repository <c>second</c>, an encrypted one, <c>sealed</c>, and what looks like a PostgreSQL
/// cluster with a tablespace, of which <c>clusters</c> has an older state.
/// </summary>
internal static class Scenarios
{
    public static IReadOnlyList<string> Names { get; } =
        ["create", "backup", "backup-files", "prune", "restore", "restore-in-place", "restore-files-in-place", "copy", "test", "remove", "add-key", "wal-push", "restore-cluster"];

    public static void Run(string name, string folder)
    {
        var at = (string part) => Path.Combine(folder, part);
        var silent = SilentSink.Instance;
        using var repository = Repository.Open(at("repository"));
        var catalog = new SnapshotCatalog(repository);
        var database = () => catalog.List(new SnapshotFilter { Sources = ["app/main"] })[0];
        switch (name)
        {
            case "create":
                Repository.Create(at("fresh"), Passphrase.FromText("secret")).Dispose();
                break;
            case "backup":
                new SqliteBackup(repository, silent).Run(at("app.db"), new BackupOptions { Source = "app/main" });
                break;
            case "backup-files":
                new FileBackup(repository, silent).Run(new FileBackupOptions { Paths = [at("tree")] }, new BackupOptions { Source = "app/files" });
                break;
            case "prune":
                new RepositoryPrune(repository, silent).Run(new PruneOptions());
                break;
            case "restore":
                new SnapshotRestore(repository, silent).Run(database(), new RestoreOptions { Destination = at("restored.db") });
                break;
            case "restore-in-place":
                new SnapshotRestore(repository, silent).Run(database(), new RestoreOptions { InPlace = true });
                break;
            case "restore-files-in-place":
                new SnapshotRestore(repository, silent).Run(catalog.List(new SnapshotFilter { Sources = ["app/files"] })[0], new RestoreOptions { InPlace = true });
                break;
            case "copy":
                using (var second = Repository.Open(at("second")))
                {
                    new SnapshotCopy(repository, second, silent).Run(database());
                }

                break;
            case "test":
                new SnapshotProof(repository, silent).Run(database(), new ProofOptions { Level = VerificationLevel.Restore, ScratchFolder = at("scratch") });
                break;
            case "remove":
                catalog.Remove(database().Id);
                break;
            case "add-key":
                using (var encrypted = Repository.Open(at("sealed"), Passphrase.FromText("secret")))
                {
                    new RepositoryAdministration(encrypted).AddKey(Passphrase.FromText("another"), "second");
                }

                break;
            case "wal-push":
                new WalArchive(repository).Push(at("cluster/pg_wal/000000010000000000000001"), at("cluster"));
                break;
            case "restore-cluster":
                using (var clusters = Repository.Open(at("clusters")))
                {
                    var mapping = new Dictionary<string, string> { ["/mnt/fast"] = at("fast") };
                    new SnapshotRestore(clusters, silent).Run(new SnapshotCatalog(clusters).List()[0], new RestoreOptions { Destination = at("cluster"), TablespaceMapping = mapping, Force = true });
                }

                break;
            default:
                throw new ArgumentException(name);
        }
    }
}
