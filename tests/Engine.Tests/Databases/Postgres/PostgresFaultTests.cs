using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>What happens to a backup when the server, the client or somebody else gets in its way: it is whole, or it is not there.</summary>
public sealed class PostgresFaultTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void A_server_that_stops_in_the_middle_leaves_no_snapshot()
    {
        foreach (var method in Enum.GetValues<PostgresMethod>())
        {
            using var cluster = Large();
            using var repository = Repository.Create(folder[method.ToString()], null);
            var stopped = 0;
            var sink = new ActingSink(() =>
            {
                if (Interlocked.Exchange(ref stopped, 1) == 0)
                {
                    cluster.Kill();
                }
            });
            var error = Assert.Throws<MaintenanceException>(() => BackUp(repository, cluster, method, sink, default));
            Assert.True(error.Code is ErrorCode.ClientToolFailed or ErrorCode.DatabaseError or ErrorCode.ServerUnavailable, error.ToString());
            Nothing(repository);
        }
    }

    [PostgresFact]
    public void A_backup_that_is_cancelled_ends_at_once_and_takes_its_programs_along()
    {
        foreach (var method in Enum.GetValues<PostgresMethod>())
        {
            using var cluster = Large();
            using var repository = Repository.Create(folder[method.ToString()], null);
            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => BackUp(repository, cluster, method, new ActingSink(stop.Cancel), stop.Token));
            Nothing(repository);
            Assert.True(SpinWait.SpinUntil(() => cluster.Query<long>("SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('mops', 'pg_dump', 'pg_basebackup')") == 0, TimeSpan.FromSeconds(10)));
        }
    }

    [PostgresFact]
    public void Changes_of_tables_and_rows_during_a_dump_are_not_in_it()
    {
        using var cluster = Large();
        using var repository = Repositories.New(folder);
        var changed = 0;
        var sink = new ActingSink(() =>
        {
            if (Interlocked.Exchange(ref changed, 1) == 0)
            {
                cluster.Execute("DELETE FROM small; INSERT INTO small SELECT generate_series(1, 7)");
                cluster.Execute("CREATE TABLE late(id int)");
            }
        });
        var snapshot = BackUp(repository, cluster, PostgresMethod.Logical, sink, default);
        Assert.Equal(1, changed);
        Assert.Equal(100, snapshot.Tables.Single(t => t.Name == "public.small").Rows);
        Assert.DoesNotContain(snapshot.Tables, t => t.Name == "public.late");
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
    }

    [PostgresFact]
    public void A_table_that_somebody_has_locked_is_waited_for_no_longer_than_was_said()
    {
        using var cluster = Large();
        using var repository = Repositories.New(folder);
        using var other = new NpgsqlConnection(cluster.ConnectionString);
        other.Open();
        using var locking = new NpgsqlCommand("BEGIN; LOCK TABLE small IN ACCESS EXCLUSIVE MODE", other);
        locking.ExecuteNonQuery();
        var error = Assert.Throws<MaintenanceException>(() => new PostgresDump(repository, SilentSink.Instance).Run(
            cluster.ConnectionString, new PostgresDumpOptions(), new BackupOptions { Source = "pg", LockTimeout = TimeSpan.FromSeconds(1) }));
        Assert.Contains("small", error.Message, StringComparison.Ordinal);
        Nothing(repository);
    }

    [PostgresFact]
    public void A_page_that_rotted_on_the_server_is_no_part_of_a_base_backup()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE rotten AS SELECT i AS id, repeat('x', 100) AS body FROM generate_series(1, 5000) i");
        cluster.Execute("CHECKPOINT");
        var file = Path.Combine(cluster.Data, cluster.Query<string>("SELECT pg_relation_filepath('rotten')"));
        cluster.Stop();
        using (var handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.Write(handle, "rot"u8, (3 * 8192) + 5000);
        }

        cluster.Start();
        using var repository = Repositories.New(folder);
        var error = Assert.Throws<MaintenanceException>(() => BackUp(repository, cluster, PostgresMethod.Physical, SilentSink.Instance, default));
        Assert.Equal(ErrorCode.ClientToolFailed, error.Code);
        Assert.Contains("checksum", error.Message, StringComparison.OrdinalIgnoreCase);
        Nothing(repository);
    }

    [PostgresFact]
    public void A_password_reaches_the_server_by_every_way_and_nobody_else()
    {
        const string Password = "tr0ub4dor & 'quote'";
        using var cluster = new PostgresCluster();
        cluster.Execute($"CREATE ROLE guarded LOGIN SUPERUSER REPLICATION PASSWORD '{Password.Replace("'", "''", StringComparison.Ordinal)}'");
        cluster.Execute("CREATE TABLE notes AS SELECT i AS id FROM generate_series(1, 300000) i");
        File.WriteAllText(Path.Combine(cluster.Data, "pg_hba.conf"), "local all guarded scram-sha-256\nlocal replication guarded scram-sha-256\nlocal all all trust\n");
        cluster.Execute("SELECT pg_reload_conf()");
        File.WriteAllText(folder["pass"], $"*:*:*:guarded:{Password}\n");
#pragma warning disable CA1416 // As the fixture.
        File.SetUnixFileMode(folder["pass"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
#pragma warning restore CA1416
        using var repository = Repositories.New(folder);
        var seen = new List<string>();
        var sink = new ActingSink(() => seen.AddRange(Directory.EnumerateFiles("/proc", "cmdline", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1, IgnoreInaccessible = true }).Select(Arguments).Where(a => a.Contains("pg_", StringComparison.Ordinal))));
        var place = $"Host={cluster.Folder};Username=guarded;Database=postgres";
        var options = new BackupOptions { Source = "pg" };
        foreach (var connection in new[] { $"{place};Password=\"{Password}\"", $"{place};Passfile={folder["pass"]}" })
        {
            new PostgresDump(repository, sink).Run(connection, new PostgresDumpOptions(), options);
            new PostgresBaseBackup(repository, sink).Run(connection, new ClientToolOptions(), options);
        }

        var wrong = Assert.Throws<MaintenanceException>(() => new PostgresDump(repository, sink).Run($"{place};Password=wr0ng", new PostgresDumpOptions(), options));
        Assert.Equal(ErrorCode.ServerUnavailable, wrong.Code);
        Assert.DoesNotContain("wr0ng", wrong.ToString(), StringComparison.Ordinal);
        Assert.Contains("does not let us in", wrong.Message, StringComparison.Ordinal);
        var without = Assert.Throws<MaintenanceException>(() => new PostgresDump(repository, sink).Run(place, new PostgresDumpOptions(), options));
        Assert.Contains("does not let us in", without.Message, StringComparison.Ordinal);
        var nobody = Assert.Throws<MaintenanceException>(() => new PostgresDump(repository, sink).Run($"Host={folder["nobody"]};Username=guarded", new PostgresDumpOptions(), options));
        Assert.Contains("cannot be reached", nobody.Message, StringComparison.Ordinal);
        Assert.Contains(seen, a => a.Contains("pg_dump", StringComparison.Ordinal));
        Assert.DoesNotContain(seen, a => a.Contains("tr0ub4dor", StringComparison.Ordinal));
        Assert.All(repository.ManifestIds(), id => Assert.DoesNotContain("tr0ub4dor", System.Text.Encoding.UTF8.GetString(repository.ReadManifest(id).ToBytes()), StringComparison.Ordinal));

        static string Arguments(string file)
        {
            try
            {
                return File.ReadAllText(file);
            }
            catch (IOException)
            {
                return "";
            }
        }
    }

    [PostgresVolumeFact]
    public void A_full_disk_is_told_as_one_and_costs_nothing_that_was_there()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE large AS SELECT i AS id, md5(i::text) || md5((i * 7)::text) AS body FROM generate_series(1, 200000) i");
        using var volume = new FullVolume(64);
        using var repository = Repository.Create(volume["r"], null);
        var first = BackUp(repository, cluster, PostgresMethod.Physical, SilentSink.Instance, default);
        cluster.Execute("UPDATE large SET body = md5(body) || md5(id::text)");
        cluster.Execute("SELECT pg_switch_wal()");
        foreach (var free in new[] { 0, 500_000, 2_000_000 })
        {
            volume.FillUp(free);
            foreach (var method in Enum.GetValues<PostgresMethod>())
            {
                Assert.Equal(ErrorCode.DiskFull, Assert.Throws<MaintenanceException>(() => BackUp(repository, cluster, method, SilentSink.Instance, default)).Code);
            }

            volume.MakeRoom();
            repository.Prune();
        }

        // The log: nothing half-written has the segment's name, and the same push succeeds with room again.
        var segment = Directory.EnumerateFiles(Path.Combine(cluster.Data, "pg_wal"), "0*").Order().First();
        var archive = new WalArchive(repository);
        volume.FillUp(0);
        Assert.Equal(ErrorCode.DiskFull, Assert.Throws<MaintenanceException>(() => archive.Push(segment, cluster.Data)).Code);
        Assert.Empty(archive.Systems());

        // A restore onto a full disk leaves nothing that a server could start on.
        Assert.Equal(ErrorCode.DiskFull, Assert.Throws<MaintenanceException>(() => repository.Restore(first, volume["data"])).Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(volume[""], "data*"));
        volume.MakeRoom();
        Assert.True(archive.Push(segment, cluster.Data));
        Assert.Equal(first.Id, Assert.Single(new SnapshotCatalog(repository).List()).Id);
        Assert.True(repository.Drill(folder, first, "select count(*) = 200000 from large").Passed);
    }

    private static Snapshot BackUp(Repository repository, PostgresCluster cluster, PostgresMethod method, IOperationSink sink, CancellationToken cancellation)
    {
        var options = new BackupOptions { Source = "pg" };
        return method == PostgresMethod.Physical
            ? new PostgresBaseBackup(repository, sink).Run(cluster.ConnectionString, new ClientToolOptions(), options, cancellation)
            : new PostgresDump(repository, sink).Run(cluster.ConnectionString, new PostgresDumpOptions(), options, cancellation);
    }

    private static PostgresCluster Large()
    {
        var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE large AS SELECT i AS id, repeat(md5(i::text), 30) AS body FROM generate_series(1, 60000) i");
        cluster.Execute("CREATE TABLE small AS SELECT generate_series(1, 100) AS id");
        return cluster;
    }

    private static void Nothing(Repository repository)
    {
        Assert.Empty(new SnapshotCatalog(repository).List());
        Assert.Empty(repository.Store.List("leases/"));
    }

    /// <summary>Does something while the bytes come in.</summary>
    private sealed class ActingSink(Action act) : IOperationSink
    {
        public void Progress(string activity, long done, long total, string? unit = null) => act();

        public void Warn(string message)
        {
        }

        public void Inform(string message)
        {
        }
    }
}
