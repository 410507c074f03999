using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>A restored cluster or a standby takes over, and a later recovery finds what it committed.</summary>
public sealed class TakeOverTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void A_copy_that_takes_over_is_found_by_later_recoveries_and_what_it_lost_is_named()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        cluster.Execute("CREATE TABLE t(id int)");
        var older = BaseBackupTests.BackUp(repository, cluster);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (1)");
        var moment = ArchivedServer.Moment(cluster.ConnectionString);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (2)");
        var givenUp = BaseBackupTests.BackUp(repository, cluster);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (3)");
        cluster.Stop();

        // The copy was promoted while it did not archive, so its server never hands the history over.
        var copy = ArchivedServer.Recover(repository, cluster, folder, moment, "copy");
        foreach (var id in new[] { 11, 12, 13 })
        {
            ArchivedServer.Archive(repository, folder["copy"], copy, $"INSERT INTO t VALUES ({id})");
        }

        var state = ArchivedServer.Check(repository, VerificationLevel.Full);
        Assert.True(state.Healthy, string.Join('\n', state.Findings));
        Assert.Equal((2U, older.ShortId, givenUp.ShortId), (state.Timeline, Assert.Single(state.RecoverableFrom), Assert.Single(state.OtherTimelineOnly)));

        // The newest base backup is none that leads there; the one before is.
        var drill = ArchivedServer.Drill(repository, folder, "latest", "select array_agg(id order by id) = '{1,11,12,13}' from t");
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
        Assert.Equal((older.Id, 2U), (drill.Id, drill.Recovered!.Timeline));
        Assert.InRange(drill.Recovered.LastCommit!.Value, DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow);
        var wrong = Assert.Throws<MaintenanceException>(() => Plan(repository, givenUp, "latest"));
        Assert.Equal(ErrorCode.InvalidArgument, wrong.Code);
        Assert.Contains("timeline 2", wrong.Message, StringComparison.Ordinal);
        Assert.Equal(1U, Plan(repository, givenUp, "latest", "current").Timeline);
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => Plan(repository, older, "latest", "7")).Code);

        // A segment of the new timeline is lost; its number exists on the old one.
        var lost = ArchivedServer.ObjectOf(folder, 2, 1);
        var name = Path.GetFileName(lost);
        Assert.True(File.Exists(Path.Combine(Path.GetDirectoryName(lost)!, "../00000001", "00000001" + name[8..])));
        var content = File.ReadAllBytes(lost);
        File.Delete(lost);
        Assert.Contains(ArchivedServer.Check(repository).Findings, f => f.Contains(name, StringComparison.Ordinal) && f.Contains(older.ShortId, StringComparison.Ordinal));
        Assert.Equal(ErrorCode.WalMissing, Assert.Throws<MaintenanceException>(() => Plan(repository, older, "latest")).Code);
        Assert.Equal(ErrorCode.WalMissing, Assert.Throws<MaintenanceException>(() => ArchivedServer.Drill(repository, folder, "latest")).Code);
        File.WriteAllBytes(lost, content);

        // The history is lost: nothing tells that the segments belong to the same log.
        var history = Directory.EnumerateFiles(folder["repository/wal"], "00000002.history", SearchOption.AllDirectories).Single();
        File.Delete(history);
        Assert.Contains(ArchivedServer.Check(repository).Findings, f => f.Contains("00000002.history", StringComparison.Ordinal));
        Assert.Equal(ErrorCode.WalMissing, Assert.Throws<MaintenanceException>(() => Plan(repository, older, "latest")).Code);

        // The next segment that is archived brings it back.
        ArchivedServer.Archive(repository, folder["copy"], copy, "INSERT INTO t VALUES (14)");
        Assert.True(ArchivedServer.Check(repository).Healthy);
        Assert.True(ArchivedServer.Drill(repository, folder, "latest", "select max(id) = 14 from t").Passed);
    }

    [PostgresFact]
    public void Two_servers_that_were_promoted_to_the_same_timeline_are_a_conflict()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        cluster.Execute("CREATE TABLE t(id int)");
        BaseBackupTests.BackUp(repository, cluster);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (1)");
        var first = ArchivedServer.Moment(cluster.ConnectionString);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (2)");
        var second = ArchivedServer.Moment(cluster.ConnectionString);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (3)");
        var one = ArchivedServer.Recover(repository, cluster, folder, first, "one");
        var other = ArchivedServer.Recover(repository, cluster, folder, second, "other");

        ArchivedServer.Archive(repository, folder["one"], one, "INSERT INTO t VALUES (11)");
        var before = new WalArchive(repository).Files(new WalArchive(repository).Systems()[0]).Count;
        var conflict = Assert.Throws<MaintenanceException>(() => ArchivedServer.Archive(repository, folder["other"], other, "INSERT INTO t VALUES (12)"));
        Assert.Equal(ErrorCode.WalConflict, conflict.Code);
        Assert.Contains("timeline 2", conflict.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.WalConflict, Assert.Throws<MaintenanceException>(() => new WalArchive(repository).Push(Path.Combine(folder["other"], "pg_wal", "00000002.history"), folder["other"])).Code);
        Assert.Equal(before, new WalArchive(repository).Files(new WalArchive(repository).Systems()[0]).Count);
        Assert.True(ArchivedServer.Drill(repository, folder, "latest", "select array_agg(id order by id) = '{1,11}' from t").Passed);
    }

    [PostgresFact]
    public void A_standby_that_is_promoted_archives_what_its_primary_did_not_come_to()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        cluster.Execute("CREATE TABLE t(id int)");
        BaseBackupTests.BackUp(repository, cluster);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (1)");
        var standby = cluster.StartReplica("wal_keep_size = '1GB'");

        // The primary dies with two whole segments and a begun one that only the standby has.
        foreach (var id in new[] { 2, 3 })
        {
            cluster.Execute($"INSERT INTO t VALUES ({id})");
            cluster.Execute("SELECT pg_switch_wal()");
        }

        cluster.Execute("INSERT INTO t VALUES (4)");
        Assert.True(SpinWait.SpinUntil(() => PostgresCluster.Query<long>("SELECT max(id) FROM t", standby) == 4, TimeSpan.FromSeconds(20)));
        cluster.Kill();
        PostgresCluster.Query<object?>("SELECT pg_promote()", standby);
        var data = PostgresCluster.Query<string>("SHOW data_directory", standby);

        // The history is what a promoted server archives first.
        new WalArchive(repository).Push(Path.Combine(data, "pg_wal", "00000002.history"), data);
        ArchivedServer.Archive(repository, data, standby, "INSERT INTO t VALUES (5)");
        var state = ArchivedServer.Check(repository, VerificationLevel.Full);
        Assert.True(state.Healthy, string.Join('\n', state.Findings));
        var drill = ArchivedServer.Drill(repository, folder, "latest", "select array_agg(id order by id) = '{1,2,3,4,5}' from t");
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
    }

    [PostgresFact]
    public void The_base_backup_before_the_moment_is_taken_and_none_before_the_oldest()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        var catalog = new SnapshotCatalog(repository);
        var before = ArchivedServer.Moment(cluster.ConnectionString);
        var first = BaseBackupTests.BackUp(repository, cluster);
        var between = ArchivedServer.Moment(cluster.ConnectionString);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "CREATE TABLE t AS SELECT 1 AS id");
        var second = BaseBackupTests.BackUp(repository, cluster);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (2)");
        Assert.Equal(first.Id, catalog.FindBefore(RecoveryTarget.Parse(between), "latest", new LatestRule { Source = "pg" }).Id);
        Assert.Equal(second.Id, catalog.FindBefore(RecoveryTarget.Parse("latest"), "latest", new LatestRule { Source = "pg" }).Id);
        Assert.Equal(second.Id, catalog.FindBefore(RecoveryTarget.Parse("2099-01-01T00:00:00Z"), "latest", new LatestRule { Source = "pg" }).Id);
        Assert.Equal(ErrorCode.SnapshotNotFound, Assert.Throws<MaintenanceException>(() => catalog.FindBefore(RecoveryTarget.Parse(before), "latest", new LatestRule { Source = "pg" })).Code);
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => Plan(repository, second, between)).Code);
    }

    private static RecoveryPlan Plan(Repository repository, Snapshot snapshot, string target, string? timeline = null) =>
        RecoveryPlan.Make(repository, SilentSink.Instance, snapshot, repository.ReadManifest(snapshot.Id).Postgres!, RecoveryTarget.Parse(target, timeline));
}
