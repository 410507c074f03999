using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>Settings that a base backup brings along and that were made for the original, or for a recovery before.</summary>
public sealed class LeftoverSettingsTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void What_an_earlier_recovery_left_governs_no_copy()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        cluster.Execute("CREATE TABLE t AS SELECT 1 AS id");
        File.AppendAllLines(
            Path.Combine(cluster.Data, "postgresql.auto.conf"),
            [
                "recovery_target_time = '2020-01-01 00:00:00+00'", "recovery_target_name = 'old'", "recovery_target_xid = '7'", "recovery_target_lsn = '0/1'",
                "recovery_target_action = shutdown", "recovery_target_timeline = '99'", "recovery_min_apply_delay = '1d'", $"recovery_end_command = 'touch {cluster.Folder}/ended'",
                "archive_cleanup_command = 'false'", "primary_conninfo = 'host=/nowhere'", "primary_slot_name = 'slot'",
            ]);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (2)");
        Assert.True(repository.Drill(folder, snapshot, "select count(*) = 1 from t").Passed);
        var recovered = ArchivedServer.Drill(repository, folder, "latest", "select count(*) = 2 from t");
        Assert.True(recovered.Passed, string.Join('\n', recovered.Findings));

        repository.Restore(snapshot, folder["copy"]);
        var copy = cluster.StartOn(folder["copy"]);
        Assert.Equal(1, PostgresCluster.Query<long>("SELECT count(*) FROM t", copy));
        Assert.Equal(0, PostgresCluster.Query<long>("SELECT count(*) FROM pg_settings WHERE (name LIKE 'recovery_%' OR name IN ('archive_cleanup_command', 'primary_conninfo', 'primary_slot_name')) AND setting <> boot_val", copy));
        Assert.Equal(2, PostgresCluster.Query<long>("SELECT count(*) FROM t", ArchivedServer.Recover(repository, cluster, folder, "latest", "recovered")));
        Assert.False(File.Exists(Path.Combine(cluster.Folder, "ended")));
    }

    [PostgresFact]
    public void The_data_directory_of_the_original_is_taken_out_wherever_it_is_set()
    {
        using var cluster = new PostgresCluster();
        using var repository = Repositories.New(folder);
        Directory.CreateDirectory(Path.Combine(cluster.Data, "conf.d"));
        var line = $"data_directory='{cluster.Data}'";
        File.AppendAllLines(Path.Combine(cluster.Data, "postgresql.conf"), [$"  DATA_DIRECTORY '{cluster.Data}' # ours", "include_dir 'conf.d'", "include = 'more.conf'"]);
        File.WriteAllLines(Path.Combine(cluster.Data, "conf.d", "1.conf"), [line, "work_mem = '5MB'"]);
        File.WriteAllLines(Path.Combine(cluster.Data, "more.conf"), ["include_if_exists 'conf.d/deeper'", "include_if_exists 'nosuch'"]);
        File.WriteAllLines(Path.Combine(cluster.Data, "conf.d", "deeper"), [line]);
        File.AppendAllLines(Path.Combine(cluster.Data, "postgresql.auto.conf"), [line]);
        PostgresCluster.Open(cluster.Data);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        Assert.True(repository.Drill(folder, snapshot).Passed);

        var result = repository.Restore(snapshot, folder["copy"]);
        foreach (var file in new[] { "postgresql.conf", "postgresql.auto.conf", "conf.d/1.conf", "conf.d/deeper" })
        {
            Assert.Single(result.Warnings, w => w.Contains("data_directory", StringComparison.Ordinal) && w.Contains($"'{file}'", StringComparison.Ordinal));
            Assert.DoesNotContain(File.ReadLines(Path.Combine(folder["copy"], file)), l => l.TrimStart().StartsWith("data_directory", StringComparison.OrdinalIgnoreCase));
        }

        var copy = cluster.StartOn(folder["copy"]);
        Assert.Equal(folder["copy"], PostgresCluster.Query<string>("SHOW data_directory", copy));
        Assert.Equal("5MB", PostgresCluster.Query<string>("SHOW work_mem", copy));

        // The same cluster again over its copy: the copy must not come to be one with the original.
        PostgresCluster.Stop(folder["copy"]);
        repository.Restore(snapshot, new RestoreOptions { Destination = folder["copy"], Force = true });
        Assert.Equal(folder["copy"], PostgresCluster.Query<string>("SHOW data_directory", cluster.StartOn(folder["copy"])));
    }

    [PostgresFact]
    public void Files_outside_that_the_copy_would_use_are_named_and_no_drill_needs_them()
    {
        using var cluster = new PostgresCluster();
        using var repository = Repositories.New(folder);
        var there = Path.Combine(cluster.Folder, "there.conf");
        File.WriteAllLines(there, [$"data_directory = '{cluster.Data}'"]);
        var hba = Path.Combine(cluster.Folder, "hba");
        File.Copy(Path.Combine(cluster.Data, "pg_hba.conf"), hba);
        PostgresCluster.Open(hba);
        PostgresCluster.Open(there);
        var own = File.ReadAllText(Path.Combine(cluster.Data, "postgresql.conf"));
        (string Line, string? Warning)[] cases =
        [
            ($"hba_file = '{hba}'", "is left as it is"),
            ("hba_file = '/nosuch/hba'", "does not start until"),
            ("ident_file = '/nosuch/ident'", "'/nosuch/ident'"),
            ("external_pid_file = '/nosuch/pid'", "'/nosuch/pid'"),
            ("include '/nosuch/x.conf'", "does not start until"),
            ("include_dir = '/nosuch/conf.d'", "does not start until"),
            ("include 'nosuch.conf'", "does not start until"),
            ("include_if_exists '/nosuch/x.conf'", null),
            ($"include '{there}'", "data_directory"),
            ("hba_file = 'pg_hba.conf'", null),
        ];
        foreach (var (line, warning) in cases)
        {
            File.WriteAllText(Path.Combine(cluster.Data, "postgresql.conf"), $"{own}\n{line}\n{line}\n");
            var snapshot = BaseBackupTests.BackUp(repository, cluster);
            var drill = repository.Drill(folder, snapshot);
            Assert.True(drill.Passed, line + string.Join('\n', drill.Findings));

            var name = line.Split(' ')[0];
            var warnings = repository.Restore(snapshot, new RestoreOptions { Destination = folder["copy"], Force = true }).Warnings.Where(w => w.Contains(name, StringComparison.Ordinal)).ToList();
            Assert.Equal(warning is null ? 0 : 1, warnings.Count(w => w.Contains(warning ?? "", StringComparison.Ordinal)));
            Assert.Contains(line, File.ReadAllText(folder["copy/postgresql.conf"]), StringComparison.Ordinal);
            Directory.Delete(folder["copy"], recursive: true);
        }
    }
}
