using System.Globalization;
using MaintenanceOps.Engine.Tests.Support;

namespace MaintenanceOps.Runner.Tests;

/// <summary>A real server archives its log through the program, is lost, and comes back as it was at a moment.</summary>
public sealed class RecoveryTests : Place
{
    [ArchivingFact]
    public void A_cluster_comes_back_as_it_was_at_a_moment_a_place_a_restore_point_and_at_the_end()
    {
        var mops = Mops();
        var repository = Path.Combine(Path.GetTempPath(), $"mops-pitr-{Guid.NewGuid():N}");
        try
        {
            mops.Run("repo", "new", repository).Expect(0);
            PostgresCluster.Open(repository);
            using var cluster = new PostgresCluster("archive_mode = on", $"archive_command = '{ArchivingFactAttribute.Program} wal-push \"%p\" --repository {repository}'");
            cluster.Execute("CREATE TABLE orders(id int primary key, taken timestamptz default clock_timestamp())");
            cluster.Execute("INSERT INTO orders(id) SELECT generate_series(1, 1000)");
            mops.Run("backup", "--connection-string", cluster.ConnectionString, "--method", "physical", "--source", "pg/main", "--repository", repository).Expect(0);

            cluster.Execute("INSERT INTO orders(id) SELECT generate_series(1001, 1500)");
            cluster.Execute("SELECT pg_create_restore_point('before release')");
            Thread.Sleep(50);
            var moment = cluster.Query<DateTime>("SELECT clock_timestamp() AT TIME ZONE 'UTC'");
            Thread.Sleep(50);
            var place = cluster.Query<string>("SELECT pg_current_wal_insert_lsn()::text");
            var transaction = cluster.Query<string>("WITH gone AS (DELETE FROM orders WHERE id <= 1400 RETURNING id) SELECT pg_current_xact_id()::text FROM gone LIMIT 1");
            cluster.Execute("INSERT INTO orders(id) SELECT generate_series(2001, 2010)");
            cluster.Execute("SELECT pg_switch_wal()");
            WaitForArchive(cluster);

            Assert.Equal(1500, Recovered(moment.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)));
            Assert.Equal(1500, Recovered(place));
            Assert.Equal(1500, Recovered("before release"));
            Assert.Equal(100, Recovered(transaction));
            Assert.Equal(110, Recovered("latest"));

            // Before the base backup there is nothing to begin with, and a gap is named before anything is written.
            mops.Run("restore", "latest", "--source", "pg/main", "--repository", repository, "--point-in-time", "2020-01-01T00:00:00Z", "--destination", "early").Expect(1);
            var segment = Directory.EnumerateFiles(Path.Combine(repository, "wal"), "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f).Length == 24).Order().ElementAt(^2);
            File.Delete(segment);
            var gap = mops.Run("restore", "latest", "--source", "pg/main", "--repository", repository, "--point-in-time", "latest", "--destination", "gap").Expect(1);
            Assert.Contains("WalMissing", gap.Error, StringComparison.Ordinal);
            Assert.False(Path.Exists(InFolder("gap")));

            long Recovered(string target)
            {
                var data = Path.Combine(cluster.Folder, $"at{Guid.NewGuid():N}"[..10]);
                mops.Run("restore", "latest", "--source", "pg/main", "--repository", repository, "--point-in-time", target, "--destination", data, "--restore-command", $"{ArchivingFactAttribute.Program} wal-fetch %f \"%p\" --repository {repository}").Expect(0);
                var server = cluster.StartOn(data);
                Assert.True(SpinWait.SpinUntil(() => !PostgresCluster.Query<bool>("SELECT pg_is_in_recovery()", server), TimeSpan.FromSeconds(20)));

                // A copy beside the original must not archive its branch into the original's log.
                Assert.Equal("off", PostgresCluster.Query<string>("SHOW archive_mode", server));
                return PostgresCluster.Query<long>("SELECT count(*) FROM orders", server);
            }
        }
        finally
        {
            Directory.Delete(repository, recursive: true);
        }
    }

    [ArchivingFact]
    public void A_recovery_follows_the_timeline_that_an_earlier_recovery_began()
    {
        var mops = Mops();
        var repository = Path.Combine(Path.GetTempPath(), $"mops-pitr-{Guid.NewGuid():N}");
        try
        {
            mops.Run("repo", "new", repository).Expect(0);
            PostgresCluster.Open(repository);
            using var cluster = new PostgresCluster("archive_mode = on", $"archive_command = '{ArchivingFactAttribute.Program} wal-push \"%p\" --repository {repository}'");
            cluster.Execute("CREATE TABLE orders(id int primary key)");
            mops.Run("backup", "-c", cluster.ConnectionString, "-m", "physical", "-s", "pg/main", "-r", repository).Expect(0);
            cluster.Execute("INSERT INTO orders SELECT generate_series(1, 100)");
            cluster.Execute("SELECT pg_create_restore_point('first')");
            cluster.Execute("INSERT INTO orders SELECT generate_series(101, 200)");
            cluster.Execute("SELECT pg_switch_wal()");
            WaitForArchive(cluster);
            cluster.Stop();

            // The recovered server goes on on a timeline of its own, and archives that into the same place.
            var second = Restore("first", cluster.Data, "--force");
            var server = cluster.StartOn(second);
            Promoted(server);
            PostgresCluster.Query<object?>("INSERT INTO orders SELECT generate_series(1001, 1007)", server);
            PostgresCluster.Query<object?>("SELECT pg_switch_wal()", server);
            Assert.True(SpinWait.SpinUntil(() => PostgresCluster.Query<long>("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'", server) == 0, TimeSpan.FromSeconds(20)));

            var third = cluster.StartOn(Restore("latest"));
            Promoted(third);
            Assert.Equal(107, PostgresCluster.Query<long>("SELECT count(*) FROM orders", third));
            Assert.Equal(3, PostgresCluster.Query<long>("SELECT timeline_id FROM pg_control_checkpoint()", third));

            string Restore(string target, string? data = null, params string[] words)
            {
                data ??= Path.Combine(cluster.Folder, $"at{Guid.NewGuid():N}"[..10]);
                mops.Run(["restore", "latest", "-s", "pg/main", "-r", repository, "-t", target, "-d", data, "--restore-command", $"{ArchivingFactAttribute.Program} wal-fetch %f \"%p\" --repository {repository}", .. words]).Expect(0);
                return data;
            }

            static void Promoted(string connection) =>
                Assert.True(SpinWait.SpinUntil(() => !PostgresCluster.Query<bool>("SELECT pg_is_in_recovery()", connection), TimeSpan.FromSeconds(20)));
        }
        finally
        {
            Directory.Delete(repository, recursive: true);
        }
    }

    [ArchivingFact]
    public void An_archive_that_fell_behind_by_32_segments_catches_up_without_a_gap()
    {
        var mops = Mops();
        var repository = Path.Combine(Path.GetTempPath(), $"mops-burst-{Guid.NewGuid():N}");
        try
        {
            mops.Run("repo", "new", repository).Expect(0);
            PostgresCluster.Open(repository);
            using var cluster = new PostgresCluster("archive_mode = on", "archive_command = 'false'");
            cluster.Execute("CREATE TABLE busy(id int)");
            for (var i = 0; i < 32; i++)
            {
                cluster.Execute($"INSERT INTO busy VALUES ({i})");
                cluster.Execute("SELECT pg_switch_wal()");
            }

            var status = Path.Combine(cluster.Data, "pg_wal", "archive_status");
            Assert.True(Directory.EnumerateFiles(status, "*.ready").Count() >= 32);

            // One push takes along what waits; the server then hands each over, and is told that it is there.
            var first = Path.GetFileNameWithoutExtension(Directory.EnumerateFiles(status, "*.ready").Order().First());
            mops.Run("wal-push", Path.Combine(cluster.Data, "pg_wal", first), "--repository", repository).Expect(0);
            Assert.True(Directory.EnumerateFiles(Path.Combine(repository, "wal"), "0*", SearchOption.AllDirectories).Count() >= 32);
            PostgresCluster.Open(repository);
            cluster.Execute($"ALTER SYSTEM SET archive_command = '{ArchivingFactAttribute.Program} wal-push \"%p\" --repository {repository}'");
            cluster.Execute("SELECT pg_reload_conf()");
            cluster.Execute("SELECT pg_switch_wal()");
            WaitForArchive(cluster, TimeSpan.FromSeconds(90));
            var wal = mops.Run("repo", "wal", "--repository", repository, "--level", "full").Expect(0);
            Assert.DoesNotContain("missing", wal.Output, StringComparison.Ordinal);
            Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_stat_archiver WHERE last_failed_time > last_archived_time"));
        }
        finally
        {
            Directory.Delete(repository, recursive: true);
        }
    }

    [PostgresFact]
    public void A_segment_is_archived_once_and_never_over_another_one()
    {
        var mops = Mops();
        mops.Run("repo", "new", "wal").Expect(0);
        using var cluster = new PostgresCluster();
        cluster.Execute("SELECT pg_switch_wal()");
        var segment = Directory.EnumerateFiles(Path.Combine(cluster.Data, "pg_wal"), "0*").Order().First();
        mops.Run("wal-push", segment, "--repository", "wal").Expect(0);
        mops.Run("wal-push", segment, "--repository", "wal").Expect(0);

        var other = InFolder(Path.GetFileName(segment));
        var bytes = File.ReadAllBytes(segment);
        bytes[10_000] ^= 1;
        File.WriteAllBytes(other, bytes);
        Assert.Contains("WalConflict", mops.Run("wal-push", other, "--repository", "wal").Expect(1).Error, StringComparison.Ordinal);
        File.WriteAllBytes(other, bytes[..^8192]);
        Assert.Contains("WalConflict", mops.Run("wal-push", other, "--repository", "wal").Expect(1).Error, StringComparison.Ordinal);

        var system = cluster.Query<string>("SELECT system_identifier::text FROM pg_control_system()");
        mops.Run("wal-fetch", Path.GetFileName(segment), "back", "--cluster", system, "--repository", "wal").Expect(0);
        Assert.Equal(File.ReadAllBytes(segment), File.ReadAllBytes(InFolder("back")));

        // The end of the log is 1; everything else stops the server.
        mops.Run("wal-fetch", "0000000100000000000000FF", "none", "--cluster", system, "--repository", "wal").Expect(1);
        mops.Run("wal-fetch", "0000000100000000000000FF", "none", "--cluster", system, "--repository", "elsewhere").Expect(126);
        mops.Run("wal-fetch", "../../../etc/passwd", "none", "--cluster", system, "--repository", "wal").Expect(126);
        mops.Run("wal-fetch", "0000000100000000000000FF", "none", "--cluster", system, "--repositry", "wal").Expect(126);
        mops.Run("wal-fetch", "0000000100000000000000FF").Expect(126);
        mops.Run("wal-fetch", "0000000100000000000000FF", "none", "--cluster", "one", "--repository", "wal").Expect(126);

        // A segment before one that is archived is no end, and neither is a damaged one.
        mops.Run("wal-fetch", "000000010000000000000000", "none", "--cluster", system, "--repository", "wal").Expect(126);
        File.WriteAllText(Directory.EnumerateFiles(InFolder("wal/wal"), Path.GetFileName(segment), SearchOption.AllDirectories).Single(), "rot");
        mops.Run("wal-fetch", Path.GetFileName(segment), "none", "--cluster", system, "--repository", "wal").Expect(126);
        Assert.False(File.Exists(InFolder("none")));
    }

    private static void WaitForArchive(PostgresCluster cluster, TimeSpan? longest = null) =>
        Assert.True(SpinWait.SpinUntil(() => Directory.EnumerateFiles(Path.Combine(cluster.Data, "pg_wal", "archive_status"), "*.ready").Any() is false, longest ?? TimeSpan.FromSeconds(20)));
}

/// <summary>A test in which a server runs the program as its own user; skipped, with the reason, where that user cannot.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ArchivingFactAttribute : FactAttribute
{
    private static readonly Lazy<string> Copied = new(Copy);

    public ArchivingFactAttribute() => Skip = PostgresCluster.Programs is null
        ? "PostgreSQL's server programs are not installed."
        : PostgresCluster.CanRun(Program, "--version") ? null : "The server's user cannot run mops: the .NET runtime is in a folder that it may not enter.";

    /// <summary>The program in a place that everybody may enter; a checkout may be in its owner's home.</summary>
    public static string Program => Copied.Value;

    private static string Copy()
    {
        var built = Path.GetDirectoryName(Mops.Path)!;
        var copy = Directory.CreateTempSubdirectory("mops-program-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(copy, recursive: true);
        foreach (var file in Directory.EnumerateFiles(built, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(copy, Path.GetRelativePath(built, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        PostgresCluster.Open(copy);
        return Path.Combine(copy, Path.GetFileName(Mops.Path));
    }
}
