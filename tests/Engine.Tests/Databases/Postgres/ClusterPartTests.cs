using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>One table, schema or database out of a whole cluster, as it was at a moment, into a live server.</summary>
public sealed class ClusterPartTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Transactions_that_were_prepared_keep_nobody_waiting()
    {
        PostgresCluster.Open(folder.Path);
        using var cluster = new PostgresCluster("max_prepared_transactions = 5");
        cluster.Execute("CREATE DATABASE shop");
        cluster.Execute("CREATE TABLE orders(id int primary key); INSERT INTO orders VALUES (1); CREATE TABLE other(a int)", "shop");
        cluster.Execute("BEGIN; INSERT INTO orders VALUES (2); ALTER TABLE other ADD COLUMN b int; PREPARE TRANSACTION 'it''s pending'", "shop");
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        cluster.Execute("ROLLBACK PREPARED 'it''s pending'", "shop");
        var at = new RestoreOptions { ConnectionString = cluster.ConnectionString, Database = "shop", ScratchFolder = folder["scratch"] };
        var sink = new WarningSink();
        new SnapshotRestore(repository, sink).Run(snapshot, at with { Table = "orders", As = "orders_then" });
        Assert.Contains(sink.Messages, m => m.Contains("it's pending", StringComparison.Ordinal));
        Assert.Equal(1, In("shop", "SELECT count(*) FROM orders_then"));
        repository.Restore(snapshot, at with { As = "shop_then" });
        Assert.Equal(1, In("shop_then", "SELECT count(*) FROM orders"));
        var test = new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = VerificationLevel.Restore, ScratchFolder = folder["scratch"] });
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Contains(test.Findings, f => f.Rule == "PreparedTransaction");

        long In(string database, string sql) => cluster.In<long>(database, sql);
    }

    [PostgresFact]
    public void A_table_a_schema_and_a_database_come_out_of_a_base_backup_as_they_were_at_a_moment()
    {
        Directory.CreateDirectory(folder["log"]);
        PostgresCluster.Open(folder.Path);
        using var cluster = new PostgresCluster("archive_mode = on", $"archive_command = 'cp %p {folder["log"]}/%f'");
        cluster.Execute("CREATE DATABASE shop");
        cluster.Execute("CREATE TABLE orders(id serial primary key, n int generated always as identity, body text); CREATE INDEX orders_body ON orders(body); INSERT INTO orders(body) SELECT md5(i::text) FROM generate_series(1, 3000) i; CREATE SCHEMA sales; CREATE TABLE sales.deals(id int primary key, of int references orders); INSERT INTO sales.deals VALUES (1, 7)", "shop");
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        cluster.Execute("INSERT INTO orders(body) SELECT 'later' FROM generate_series(1, 10)", "shop");
        Thread.Sleep(50);
        var moment = cluster.Query<DateTime>("SELECT clock_timestamp() AT TIME ZONE 'UTC'").ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        Thread.Sleep(50);
        cluster.Execute("DELETE FROM sales.deals; DELETE FROM orders WHERE id > 5", "shop");
        Archive(cluster, repository);

        var items = new SnapshotItems(repository).List(snapshot, []).ToList();
        Assert.Contains(items, i => i is { Path: "shop.public.orders", Kind: SnapshotItemKind.Table, Rows: -1, Size: > 100_000 });

        var at = new RestoreOptions { ConnectionString = cluster.ConnectionString, Database = "shop", Recovery = RecoveryTarget.Parse(moment), ScratchFolder = folder["scratch"] };
        var result = repository.Restore(snapshot, at with { Table = "orders", As = "orders_1403" });
        Assert.Equal(3010, result.RestoredRows);
        Assert.Equal(3010, In("shop", "SELECT count(*) FROM orders_1403"));
        Assert.Equal(5, In("shop", "SELECT count(*) FROM orders"));
        Assert.Equal(2, In("shop", "SELECT count(*) FROM pg_indexes WHERE tablename = 'orders_1403'"));

        // Its sequence is its own and goes on behind the last number; a recovery skips some, as after a crash.
        cluster.Execute("INSERT INTO orders_1403(body) VALUES ('new')", "shop");
        Assert.InRange(In("shop", "SELECT max(id) FROM orders_1403"), 3011, 3050);

        // What leads out of the part cannot hold any more, and is told.
        Assert.Contains("deals_of_fkey", Assert.Single(repository.Restore(snapshot, at with { Schema = "sales", As = "sales_1403" }).Unrestored).Name, StringComparison.Ordinal);
        Assert.Equal(1, In("shop", "SELECT count(*) FROM sales_1403.deals"));
        repository.Restore(snapshot, at with { As = "shop_1403" });
        Assert.Equal(3010, In("shop_1403", "SELECT count(*) FROM orders"));
        Assert.Equal(1, In("shop_1403", "SELECT count(*) FROM sales.deals"));

        // Without a moment it is the base backup; and what is not there is said before anything is started.
        repository.Restore(snapshot, at with { Recovery = null, Table = "orders", As = "orders_base" });
        Assert.Equal(3000, In("shop", "SELECT count(*) FROM orders_base"));
        Assert.Equal(ErrorCode.DestinationInUse, Refused(at with { Table = "orders" }));
        Assert.Equal(ErrorCode.ItemNotFound, Refused(at with { Table = "oders", As = "x" }));
        Assert.Equal(ErrorCode.ItemNotFound, Refused(at with { Database = "shopp", Table = "orders", As = "x" }));
        Assert.Equal(ErrorCode.InvalidArgument, Refused(at with { Recovery = RecoveryTarget.Parse("2020-01-01T00:00:00Z"), Table = "orders", As = "x" }));
        var never = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, at with { Recovery = RecoveryTarget.Parse("2099-01-01T00:00:00Z"), Table = "orders", As = "x" }));
        Assert.Equal(ErrorCode.WalMissing, never.Code);
        Assert.Contains("pg_switch_wal", never.Message, StringComparison.Ordinal);

        var drill = new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Recovery = RecoveryTarget.Parse("latest"), Database = "shop", ScratchFolder = folder["scratch"], Assert = ["select count(*) = 5 from orders"] });
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["scratch"]));
        Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_database WHERE datname LIKE 'mops\\_%'"));

        long In(string database, string sql) => PostgresCluster.Query<long>(sql, cluster.ConnectionTo(database));

        ErrorCode Refused(RestoreOptions options) => Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, options)).Code;
    }

    [PostgresFact]
    public void A_private_server_of_a_killed_drill_is_stopped_and_removed_by_the_next_one()
    {
        using var cluster = new PostgresCluster();
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        PostgresCluster.Open(folder.Path);

        // What a kill leaves: a folder of a process that is gone, and a server that runs in it.
        var orphan = folder[".mops-scratch-2147483646-1-" + Guid.NewGuid().ToString("N")];
        Directory.CreateDirectory(orphan);
        PostgresCluster.Open(orphan);
        repository.Restore(snapshot, Path.Combine(orphan, "data"));
        var server = cluster.StartOn(Path.Combine(orphan, "data"));
        var process = int.Parse(File.ReadLines(Path.Combine(orphan, "data", "postmaster.pid")).First(), CultureInfo.InvariantCulture);
        Assert.Equal(1, PostgresCluster.Query<int>("SELECT 1", server));

        Assert.True(new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = VerificationLevel.Restore, ScratchFolder = folder.Path }).Passed);
        Assert.False(Directory.Exists(orphan));
        Assert.DoesNotContain(Process.GetProcesses(), p => p.Id == process);
    }

    private void Archive(PostgresCluster cluster, Repository repository)
    {
        var last = cluster.Query<string>("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
        cluster.Execute("SELECT pg_switch_wal()");
        Assert.True(SpinWait.SpinUntil(() => cluster.Query<string>("SELECT last_archived_wal FROM pg_stat_archiver") is { } done && string.CompareOrdinal(done, last) >= 0, TimeSpan.FromSeconds(20)));
        var archive = new WalArchive(repository);
        foreach (var file in Directory.EnumerateFiles(folder["log"]).Order())
        {
            archive.Push(file, cluster.Data);
        }
    }
}
