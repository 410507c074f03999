using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
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

        var test = repository.Drill(folder, first, "select count(*) = 60000 from notes");
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Equal("ok", test.Integrity);
        Assert.Equal(60000, test.Rows);

        var second = BackUp(repository, cluster);
        Assert.InRange(second.StoredSize, 1, first.StoredSize / 50);
        cluster.Execute("UPDATE notes SET body = 'changed' WHERE id = 7");
        var third = BackUp(repository, cluster);
        Assert.True(repository.Drill(folder, third, "select body = 'changed' from notes where id = 7").Passed);
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
        Assert.Contains(result.Warnings, w => w.Contains("is kept as", StringComparison.Ordinal));
        Assert.True(File.Exists(folder["full/global/pg_control"]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path, ".mops-*"));
    }

    [PostgresFact]
    public void What_cannot_be_taken_is_said_and_is_no_snapshot()
    {
        using var cluster = new PostgresCluster("max_wal_senders = 0", "wal_level = minimal");
        using var repository = Repositories.New(folder);
        Assert.Equal(ErrorCode.ServerUnavailable, Assert.Throws<MaintenanceException>(() => BackUp(repository, cluster)).Code);
        Assert.Equal(
            ErrorCode.ServerUnavailable,
            Assert.Throws<MaintenanceException>(() => new PostgresBaseBackup(repository, SilentSink.Instance).Run("Host=/nowhere;Username=x", new ClientToolOptions(), new BackupOptions { Source = "pg" })).Code);
        var secret = Assert.Throws<MaintenanceException>(() => new PostgresBaseBackup(repository, SilentSink.Instance).Run("Host=x;Pasword=hunter2", new ClientToolOptions(), new BackupOptions { Source = "pg" }));
        Assert.DoesNotContain("hunter2", secret.ToString(), StringComparison.Ordinal);
        Assert.Empty(new SnapshotCatalog(repository).List());
    }

    [PostgresFact]
    public void Tablespaces_come_along_and_back()
    {
        using var cluster = new PostgresCluster();
        var places = new[] { folder["fast disk"], folder["slow"] };
        foreach (var place in places)
        {
            Directory.CreateDirectory(place);
        }

        PostgresCluster.Open(folder.Path);
        cluster.Execute($"CREATE TABLESPACE \"fast disk\" LOCATION '{places[0]}'");
        cluster.Execute($"CREATE TABLESPACE slow LOCATION '{places[1]}'");
        cluster.Execute("CREATE TABLE quick TABLESPACE \"fast disk\" AS SELECT i AS id FROM generate_series(1, 30000) i; CREATE TABLE old TABLESPACE slow AS SELECT 1 AS id; CREATE TABLE here AS SELECT 1 AS id");
        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository, cluster);
        Assert.True(repository.Drill(folder, snapshot, "select count(*) = 30000 from quick", "select count(*) = 1 from old").Passed);
        Assert.InRange(BackUp(repository, cluster).StoredSize, 1, snapshot.StoredSize / 20);

        var mapping = new Dictionary<string, string> { [places[1]] = folder["elsewhere"] };
        var restored = repository.Restore(snapshot, new RestoreOptions { Destination = folder["new"], TablespaceMapping = mapping });
        Assert.Contains(restored.Warnings, w => w.Contains("new.tablespaces", StringComparison.Ordinal));
        var started = cluster.StartOn(folder["new"]);
        Assert.Equal(30002, PostgresCluster.Query<long>("SELECT (SELECT count(*) FROM quick) + (SELECT count(*) FROM old) + (SELECT count(*) FROM here)", started));
        Assert.Equal(folder["elsewhere"], PostgresCluster.Query<string>("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'slow'", started));

        // A tablespace that there is not is a slip of the keyboard.
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { Destination = folder["slip"], TablespaceMapping = new Dictionary<string, string> { ["/nosuch"] = folder["x"] } })).Code);

        // The same place again is refused, and with force what was there is kept.
        var again = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { Destination = folder["third"], TablespaceMapping = mapping }));
        Assert.Equal(ErrorCode.DestinationInUse, again.Code);
        Assert.False(Directory.Exists(folder["third"]));
        repository.Restore(snapshot, new RestoreOptions { Destination = folder["third"], TablespaceMapping = mapping, Force = true });
        Assert.Single(Directory.EnumerateDirectories(folder["elsewhere"], "PG_*.before-restore-*"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["elsewhere"], ".mops*"));
    }

    [PostgresFact]
    public void Through_the_program_it_comes_too_but_without_tablespaces()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE notes AS SELECT i AS id FROM generate_series(1, 5000) i");
        using var repository = Repositories.New(folder);
        var tools = new ClientToolOptions { Prefix = ["env", "PGHOST=" + cluster.Folder] };
        var snapshot = BackUp(repository, cluster, tools);
        Assert.True(repository.Drill(folder, snapshot, "select count(*) = 5000 from notes").Passed);

        // Both ways see the same files, so the second one finds nearly all of them stored.
        Assert.InRange(BackUp(repository, cluster).StoredSize, 1, snapshot.StoredSize / 20);
        Directory.CreateDirectory(folder["space"]);
        PostgresCluster.Open(folder.Path);
        cluster.Execute($"CREATE TABLESPACE s LOCATION '{folder["space"]}'");
        Assert.Equal(ErrorCode.ClientToolUnfit, Assert.Throws<MaintenanceException>(() => BackUp(repository, cluster, tools)).Code);
    }

    internal static Snapshot BackUp(Repository repository, PostgresCluster cluster, ClientToolOptions? tools = null) =>
        new PostgresBaseBackup(repository, SilentSink.Instance).Run(cluster.ConnectionString, tools ?? new ClientToolOptions(), new BackupOptions { Source = "pg" });

    private static ErrorCode Refused(Repository repository, Snapshot snapshot, string destination) =>
        Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, destination)).Code;
}
