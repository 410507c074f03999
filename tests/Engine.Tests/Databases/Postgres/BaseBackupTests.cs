using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

public sealed class BaseBackupTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void A_cluster_comes_back_and_an_unchanged_one_costs_next_to_nothing()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE notes AS SELECT i AS id, md5(i::text) || repeat('x', i % 300) AS body FROM generate_series(1, 60000) i; CREATE INDEX ON notes(id)");
        using var repository = Repositories.New(folder);
        var first = BackUp(repository, cluster);
        Assert.Equal(SnapshotKind.PostgresPhysical, first.Kind);

        var test = repository.Prove(first, VerificationLevel.Restore, "select count(*) = 60000 from notes");
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Equal("ok", test.Integrity);
        Assert.Equal(60000, test.Rows);

        var second = BackUp(repository, cluster);
        Assert.InRange(second.StoredSize, 1, first.StoredSize / 50);
        cluster.Execute("UPDATE notes SET body = 'changed' WHERE id = 7");
        var third = BackUp(repository, cluster);
        Assert.True(repository.Prove(third, VerificationLevel.Restore, "select body = 'changed' from notes where id = 7").Passed);
        Assert.True(repository.Prove(second, VerificationLevel.Full).Passed);
        Assert.Empty(repository.Check());
    }

    [PostgresFact]
    public void A_cluster_is_put_where_it_is_told_and_nowhere_that_is_in_use()
    {
        using var cluster = new PostgresCluster();
        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository, cluster);
        Assert.Equal(ErrorCode.DestinationInUse, Refused(repository, snapshot, cluster.Data));
        Directory.CreateDirectory(folder["full"]);
        File.WriteAllText(folder["full/precious"], "content");
        Assert.Equal(ErrorCode.DestinationInUse, Refused(repository, snapshot, folder["full"]));

        var result = repository.Restore(snapshot, folder["full"], force: true);
        Assert.Equal("content", File.ReadAllText(Path.Combine(Directory.EnumerateDirectories(folder.Path, "full.before-restore-*").Single(), "precious")));
        Assert.Contains("is kept as", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.True(File.Exists(folder["full/global/pg_control"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path, "*.mops-restore-*"));
    }

    [PostgresFact]
    public void What_cannot_be_taken_is_said_and_is_no_snapshot()
    {
        using var cluster = new PostgresCluster("max_wal_senders = 0", "wal_level = minimal");
        using var repository = Repositories.New(folder);
        Assert.Equal(ErrorCode.ClientToolFailed, Assert.Throws<MaintenanceException>(() => BackUp(repository, cluster)).Code);
        Assert.Equal(
            ErrorCode.ServerUnavailable,
            Assert.Throws<MaintenanceException>(() => new PostgresBaseBackup(repository, SilentSink.Instance).Run("Host=/nowhere;Username=x", new ClientToolOptions(), new BackupOptions { Source = "pg" })).Code);
        var secret = Assert.Throws<MaintenanceException>(() => new PostgresBaseBackup(repository, SilentSink.Instance).Run("Host=x;Pasword=hunter2", new ClientToolOptions(), new BackupOptions { Source = "pg" }));
        Assert.DoesNotContain("hunter2", secret.ToString(), StringComparison.Ordinal);
        Assert.Empty(new SnapshotCatalog(repository).List());
    }

    internal static Snapshot BackUp(Repository repository, PostgresCluster cluster) =>
        new PostgresBaseBackup(repository, SilentSink.Instance).Run(cluster.ConnectionString, new ClientToolOptions(), new BackupOptions { Source = "pg" });

    private static ErrorCode Refused(Repository repository, Snapshot snapshot, string destination) =>
        Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, destination)).Code;
}
