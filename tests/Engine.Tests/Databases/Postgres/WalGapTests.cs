using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>A segment is lost: what lies before it can still be had, and what lies behind it is never claimed.</summary>
public sealed class WalGapTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Moments_and_places_before_a_gap_are_reached_and_those_behind_it_are_refused()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        cluster.Execute("CREATE TABLE t(id int)");
        BaseBackupTests.BackUp(repository, cluster);
        var (moments, places) = (new List<string>(), new List<string>());
        for (var i = 1; i <= 5; i++)
        {
            cluster.Execute($"INSERT INTO t VALUES ({i})");
            cluster.Execute($"SELECT pg_create_restore_point('point {i}')");
            moments.Add(ArchivedServer.Moment(cluster.ConnectionString));
            places.Add(cluster.Query<string>("SELECT pg_current_wal_insert_lsn()::text"));
            ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "SELECT pg_logical_emit_message(false, 'x', 'y')");
            Thread.Sleep(120);
        }

        // The segment with the fourth row is lost.
        File.Delete(ArchivedServer.ObjectOf(folder, 1, ^2));
        Assert.False(ArchivedServer.Check(repository).Healthy);

        // A transaction after the moment lies before the gap: the server stops there.
        Reached(moments[1], "{1,2}");
        Reached(places[1], "{1,2}");
        Reached("point 2", "{1,2}");

        // None does; all that was committed by then is before the gap, which the time tells at which it was archived.
        Reached(moments[2], "{1,2,3}");

        foreach (var target in new[] { moments[3], moments[4], places[4], "latest" })
        {
            Assert.Equal(ErrorCode.WalMissing, Assert.Throws<MaintenanceException>(() => ArchivedServer.Drill(repository, folder, target)).Code);
        }

        // A name may lie anywhere: the server comes to the gap, and stops there instead of opening early.
        Assert.Equal(ErrorCode.WalMissing, Assert.Throws<MaintenanceException>(() => ArchivedServer.Drill(repository, folder, "point 5")).Code);

        // In a copied archive everything came at one time, so that tells nothing.
        foreach (var file in Directory.EnumerateFiles(folder["repository/wal"], "0*", SearchOption.AllDirectories))
        {
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(1));
        }

        Assert.Equal(ErrorCode.WalMissing, Assert.Throws<MaintenanceException>(() => ArchivedServer.Drill(repository, folder, moments[2])).Code);
        Reached(moments[1], "{1,2}");

        void Reached(string target, string rows)
        {
            var test = ArchivedServer.Drill(repository, folder, target, $"select array_agg(id order by id) = '{rows}' from t");
            Assert.True(test.Passed, target + string.Join('\n', test.Findings));
        }
    }

    [PostgresFact]
    public void What_the_segments_say_is_what_the_server_did()
    {
        using var cluster = new PostgresCluster("track_commit_timestamp = on", "wal_keep_size = '1GB'", "max_prepared_transactions = 5", "autovacuum = off");
        Directory.CreateDirectory(folder["space"]);
        PostgresCluster.Open(folder.Path);
        cluster.Execute("SELECT pg_switch_wal()");
        cluster.Execute("CREATE TABLE t(id int)");
        var first = cluster.Query<string>("SELECT pg_walfile_name(pg_current_wal_lsn())");
        cluster.Execute($"CREATE TABLESPACE made LOCATION '{folder["space"]}'");
        cluster.Execute("INSERT INTO t SELECT generate_series(1, 20000)");
        cluster.Execute("DO $$ BEGIN FOR i IN 1..500 LOOP INSERT INTO t VALUES (i); COMMIT; END LOOP; END $$");
        cluster.Execute("BEGIN; INSERT INTO t VALUES (7); PREPARE TRANSACTION 'two'");
        cluster.Execute("COMMIT PREPARED 'two'");
        var last = cluster.Query<DateTime>("SELECT timestamp AT TIME ZONE 'UTC' FROM pg_last_committed_xact()");
        var end = Lsn.Parse(cluster.Query<string>("SELECT pg_switch_wal()::text"));

        var segment = WalSegment.Read(File.ReadAllBytes(Path.Combine(cluster.Data, "pg_wal", first)));
        Assert.Equal(new DateTimeOffset(last, TimeSpan.Zero), segment.LastEnded);
        Assert.True(segment.FirstEnded < segment.LastEnded);
        Assert.Equal(folder["space"], Assert.Single(segment.Tablespaces).Path);

        // The switch is the last record; its place is told as its end, which is 24 bytes behind.
        Assert.InRange(end - segment.LastRecord!.Value, 24UL, 32UL);
    }

    [PostgresFact]
    public void Segments_of_every_size_are_archived_checked_and_replayed()
    {
        using var host = new PostgresCluster();
        foreach (var megabytes in new[] { 1, 64 })
        {
            using var place = new TestFolder();
            PostgresCluster.Open(place.Path);
            PostgresCluster.Program("initdb", "--pgdata", place["server"], "--auth=trust", "--username=postgres", "--no-sync", $"--wal-segsize={megabytes}");
            File.AppendAllLines(Path.Combine(place["server"], "postgresql.conf"), ["listen_addresses = ''", "fsync = off", "wal_keep_size = '1GB'"]);
            var connection = host.StartOn(place["server"]);
            using var repository = Repositories.New(place);
            PostgresCluster.Query<object?>("CREATE TABLE t(id int)", connection);
            new PostgresBaseBackup(repository, SilentSink.Instance).Run(connection, new ClientToolOptions(), new BackupOptions { Source = "pg" });
            ArchivedServer.Archive(repository, place["server"], connection, "INSERT INTO t SELECT generate_series(1, 40000)");
            var state = ArchivedServer.Check(repository, VerificationLevel.Full);
            Assert.True(state.Healthy, string.Join('\n', state.Findings));
            var drill = ArchivedServer.Drill(repository, place, "latest", "select count(*) = 40000 from t");
            Assert.True(drill.Passed, string.Join('\n', drill.Findings));
            PostgresCluster.Stop(place["server"]);
        }
    }

    [Fact]
    public void What_is_no_segment_tells_nothing()
    {
        var random = new byte[1 << 20];
        new Random(3).NextBytes(random);
        foreach (var bytes in new[] { Array.Empty<byte>(), new byte[100], new byte[1 << 20], random })
        {
            var segment = WalSegment.Read(bytes);
            Assert.Equal((null, null), (segment.LastEnded, segment.LastRecord));
        }
    }

    [PostgresFact]
    public void A_segment_cut_or_mangled_anywhere_never_breaks_the_reader()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        cluster.Execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 20000) i");
        cluster.Execute("SELECT pg_switch_wal()");
        var bytes = File.ReadAllBytes(Directory.EnumerateFiles(Path.Combine(cluster.Data, "pg_wal"), "0*").Order().First());
        var random = new Random(11);
        for (var i = 0; i < 60; i++)
        {
            var copy = bytes.ToArray();
            for (var n = random.Next(1, 50); n > 0; n--)
            {
                copy[random.Next(40, 400_000)] = (byte)random.Next(256);
            }

            _ = WalSegment.Read(copy);
            _ = WalSegment.Read(bytes[..random.Next(0, bytes.Length)]);
        }
    }

    [PostgresFact]
    public void Only_the_segment_that_a_file_is_named_after_is_archived()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "CREATE TABLE t(id int)");
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (1)");
        var archive = new WalArchive(repository);
        var segment = Directory.EnumerateFiles(Path.Combine(cluster.Data, "pg_wal"), "0*").Order().First();
        foreach (var name in new[] { "0000000100000000000000F0", "000000010000000100000001" })
        {
            File.Copy(segment, folder[name], overwrite: true);
            Assert.Equal(ErrorCode.WalConflict, Assert.Throws<MaintenanceException>(() => archive.Push(folder[name], cluster.Data)).Code);
        }

        // A later timeline takes its first segment over from its parent, an earlier one never.
        var copy = folder["00000002" + Path.GetFileName(segment)[8..]];
        File.Copy(segment, copy);
        Assert.True(archive.Push(copy, cluster.Data));

        // What stands between is a gap, what follows the last one is the end of the log.
        var system = archive.Systems()[0];
        var last = archive.Files(system).Where(f => f.File.Timeline == 1 && f.File.IsSegment).Select(f => f.File).Last();
        var next = WalFile.Segment(1, last.Number(16 << 20) + 1, 16 << 20);
        Assert.False(archive.Fetch(next.Name, folder["got"], system));
        File.Delete(ArchivedServer.ObjectOf(folder, 1, 0));
        var gap = Assert.Throws<MaintenanceException>(() => archive.Fetch(Path.GetFileName(segment), folder["got"], system));
        Assert.Equal(ErrorCode.WalMissing, gap.Code);

        // The server has it itself, or is a standby that asks its primary.
        File.Copy(segment, folder[Path.GetFileName(segment)]);
        Assert.False(archive.Fetch(Path.GetFileName(segment), folder["got"], system));
        File.WriteAllBytes(folder[Path.GetFileName(segment)], new byte[100]);
        Assert.Throws<MaintenanceException>(() => archive.Fetch(Path.GetFileName(segment), folder["got"], system));
        Directory.CreateDirectory(folder["data/pg_wal"]);
        File.WriteAllText(folder["data/standby.signal"], "");
        Assert.False(archive.Fetch(Path.GetFileName(segment), folder["data/pg_wal/RECOVERYXLOG"], system));
    }
}
