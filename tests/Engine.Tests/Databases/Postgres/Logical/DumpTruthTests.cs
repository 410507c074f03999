using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>What a dump and its drill say is so: which databases, which rows, which numbers come next.</summary>
public sealed class DumpTruthTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void A_drill_compares_what_sequences_give_out_next()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE SEQUENCE up; SELECT nextval('up') FROM generate_series(1, 10); CREATE SEQUENCE \"Down\" INCREMENT -1; SELECT nextval('\"Down\"') FROM generate_series(1, 10); CREATE SEQUENCE fresh; CREATE SEQUENCE round CYCLE MAXVALUE 5; SELECT nextval('round')", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        Assert.True(repository.Drill(folder, snapshot) is { Passed: true, Findings: [] });

        var manifest = repository.ReadManifest(snapshot.Id);
        var facts = manifest.Postgres!.Databases.Single();
        Assert.Equal(["public.Down -10 True", "public.fresh 1 False", "public.up 10 True"], facts.Sequences.Select(s => $"{s.Name} {s.Last} {s.IsCalled}").Order(StringComparer.Ordinal));
        foreach (var (name, last, isDamaged) in new[] { ("public.up", 11L, true), ("public.up", 9L, false), ("public.Down", -11L, true), ("public.Down", -9L, false), ("public.fresh", 1L, true) })
        {
            var forged = manifest with { Nonce = Guid.NewGuid().ToString("N"), Postgres = manifest.Postgres with { Databases = [facts with { Sequences = [new SequenceFacts(name, last, true)] }] } };
            var other = new SnapshotCatalog(repository).Find(repository.Commit(forged));
            Assert.Equal(isDamaged, repository.Drill(folder, other).Damaged);
        }
    }

    [PostgresFact]
    public void A_drill_that_cannot_be_made_says_nothing_against_the_snapshot()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t AS SELECT generate_series(1, 9) AS a", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        var manifest = repository.ReadManifest(snapshot.Id);
        var newer = new SnapshotCatalog(repository).Find(repository.Commit(manifest with { Nonce = "x", Postgres = manifest.Postgres! with { Version = 990001 } }));
        Assert.True(repository.Drill(folder, newer) is { Passed: false, Damaged: false, Unproven: true });

        // Rows that are wrong without a word from the server are damage.
        var facts = manifest.Postgres!.Databases.Single();
        var less = new SnapshotCatalog(repository).Find(repository.Commit(manifest with { Nonce = "y", Postgres = manifest.Postgres with { Databases = [facts with { Tables = [facts.Tables[0] with { Rows = 10 }] }] } }));
        Assert.True(repository.Drill(folder, less) is { Passed: false, Damaged: true });
    }

    [PostgresFact]
    public void A_connection_string_without_a_database_tells_which_ones_it_leaves_out()
    {
        using var cluster = new PostgresCluster();
        foreach (var database in new[] { "shop", "\"Blog; old\"", "pattern IS_TEMPLATE true" })
        {
            cluster.Execute($"CREATE DATABASE {database}");
        }

        cluster.Execute("CREATE TABLE t AS SELECT 1 AS a", "shop");
        using var repository = Repositories.New(folder);
        var nameless = cluster.ConnectionString.Replace("Database=postgres;", "", StringComparison.Ordinal);
        var warnings = new WarningSink();
        var own = Take(nameless, new PostgresDumpOptions(), warnings);
        Assert.Contains("Blog; old, shop", Assert.Single(own.Warnings), StringComparison.Ordinal);
        Assert.Equal(own.Warnings, warnings.Messages);
        Assert.Empty(Take(cluster.ConnectionTo("shop"), new PostgresDumpOptions(), warnings).Warnings);

        var all = Take(nameless, new PostgresDumpOptions { AllDatabases = true }, warnings);
        Assert.Empty(all.Warnings);
        Assert.Equal(["Blog; old", "postgres", "shop"], repository.ReadManifest(all.Id).Postgres!.Databases.Select(d => d.Name));
        Assert.Throws<MaintenanceException>(() => Take(nameless, new PostgresDumpOptions { AllDatabases = true, Databases = ["shop"] }, warnings));

        Snapshot Take(string connection, PostgresDumpOptions what, IOperationSink sink) => new PostgresDump(repository, sink).Run(connection, what, new BackupOptions { Source = Guid.NewGuid().ToString("N") });
    }

    [PostgresFact]
    public void A_database_that_lets_nobody_in_is_missing_and_not_forgotten()
    {
        using var cluster = new PostgresCluster();
        foreach (var database in new[] { "shop", "noway ALLOW_CONNECTIONS false", "\"no Way\" ALLOW_CONNECTIONS false" })
        {
            cluster.Execute($"CREATE DATABASE {database}");
        }

        cluster.Execute("CREATE DATABASE halfgone");
        cluster.Execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'halfgone'");
        using var repository = Repositories.New(folder);
        var all = Take(new PostgresDumpOptions { AllDatabases = true });
        Assert.Equal(SnapshotState.Incomplete, all.State);
        Assert.Equal(["halfgone", "no Way", "noway"], all.Missing.Order(StringComparer.Ordinal));
        Assert.Contains(all.Warnings, w => w.Contains("ALTER DATABASE \"noway\" ALLOW_CONNECTIONS true;", StringComparison.Ordinal));
        Assert.Contains(all.Warnings, w => w.Contains("DROP DATABASE \"halfgone\";", StringComparison.Ordinal));
        Assert.Equal(["postgres", "shop"], repository.ReadManifest(all.Id).Postgres!.Databases.Select(d => d.Name));

        Assert.Equal(["no Way"], Take(new PostgresDumpOptions { Databases = ["no W*", "shop"] }).Missing);
        Assert.Equal(0, Take(new PostgresDumpOptions { Databases = ["shop"] }).MissingCount);
        Assert.Equal(0, Take(new PostgresDumpOptions()).MissingCount);
        var none = Assert.Throws<MaintenanceException>(() => Take(new PostgresDumpOptions { Databases = ["noway"] }));
        Assert.Equal(ErrorCode.ItemNotFound, none.Code);
        Assert.Contains("ALLOW_CONNECTIONS true", none.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ALLOW_CONNECTIONS", Assert.Throws<MaintenanceException>(() => Take(new PostgresDumpOptions { Databases = ["nothing"] })).Message, StringComparison.Ordinal);

        Snapshot Take(PostgresDumpOptions what) => new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionString, what, new BackupOptions { Source = Guid.NewGuid().ToString("N") });
    }

    [PostgresFact]
    public void A_replica_is_dumped_without_the_rows_that_it_does_not_have()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE kept(id serial, a int); INSERT INTO kept(a) SELECT generate_series(1, 70); CREATE UNLOGGED TABLE cache(id int GENERATED ALWAYS AS IDENTITY, a int); INSERT INTO cache(a) VALUES (1), (2)", "app");
        var replica = cluster.StartReplica();
        Assert.True(SpinWait.SpinUntil(() => PostgresCluster.Query<string>("SELECT coalesce((SELECT datname::text FROM pg_database WHERE datname = 'app'), '')", replica) == "app", TimeSpan.FromSeconds(10)));
        using var repository = Repositories.New(folder);
        foreach (var parallel in new[] { 1, 2 })
        {
            var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(replica.Replace("Database=postgres", "Database=app", StringComparison.Ordinal), new PostgresDumpOptions { Parallel = parallel }, new BackupOptions { Source = "pg" });
            Assert.Contains("public.cache", Assert.Single(snapshot.Warnings), StringComparison.Ordinal);
            var test = repository.Drill(folder, snapshot, "select count(*) = 70 from kept", "select count(*) = 0 from cache");
            Assert.True(test.Passed, string.Join('\n', test.Findings));
            repository.PlayBack(cluster, snapshot, new RestoreOptions { As = $"back{parallel}" });
            Assert.Equal(71, cluster.In<int>($"back{parallel}", "INSERT INTO kept(a) VALUES (0) RETURNING id"));
        }
    }

    [PostgresFact]
    public void In_place_without_a_connection_string_goes_to_the_server_that_it_came_from()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t AS SELECT generate_series(1, 100) AS a", "app");
        using var repository = Repositories.New(folder);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions(), new BackupOptions { Source = "pg" });
        cluster.Execute("DELETE FROM t WHERE a > 10", "app");
        repository.Restore(snapshot, new RestoreOptions { InPlace = true });
        Assert.Equal(100, cluster.In<long>("app", "SELECT count(*) FROM t"));
        repository.Restore(snapshot, new RestoreOptions { Table = "t", As = "t_before" });
        Assert.Equal(100, cluster.In<long>("app", "SELECT count(*) FROM t_before"));

        // Without its recorded address an old snapshot has the words for people; a folder is never named like one.
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { Destination = "postgresql://db/app", InPlace = true })).Code);
        var manifest = repository.ReadManifest(snapshot.Id);
        var lost = new SnapshotCatalog(repository).Find(repository.Commit(manifest with { Nonce = "x", Origin = "somewhere", Postgres = manifest.Postgres! with { Address = null } }));
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => repository.Restore(lost, new RestoreOptions { InPlace = true })).Code);
        cluster.Stop();
        var away = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { InPlace = true }));
        Assert.Equal(ErrorCode.ServerUnavailable, away.Code);
        Assert.Contains("-ConnectionString", away.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Environment.CurrentDirectory, "postgres*:*"));
    }

    [PostgresFact]
    public void No_write_is_lost_between_the_old_database_and_the_new_one()
    {
        using var cluster = new PostgresCluster("max_prepared_transactions = 5");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t(a int); INSERT INTO t VALUES (-1)", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");

        cluster.Execute("BEGIN; INSERT INTO t VALUES (-2); PREPARE TRANSACTION 'open'", "app");
        var prepared = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { InPlace = true, Force = true }));
        Assert.Equal(ErrorCode.DestinationInUse, prepared.Code);
        Assert.Contains("open", prepared.Message, StringComparison.Ordinal);
        cluster.Execute("COMMIT PREPARED 'open'", "app");

        var written = 0;
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    using var session = new NpgsqlConnection(cluster.ConnectionTo("app"));
                    session.Open();
                    for (var i = 0; i < 50 && !stop.IsCancellationRequested; i++)
                    {
                        using var insert = new NpgsqlCommand("INSERT INTO t VALUES (1)", session);
                        insert.ExecuteNonQuery();
                        Interlocked.Increment(ref written);
                    }
                }
                catch (NpgsqlException)
                {
                    // Thrown out, or the database is being renamed.
                }
            }
        })).ToArray();
        try
        {
            Assert.True(SpinWait.SpinUntil(() => written > 50, TimeSpan.FromSeconds(20)));
            repository.PlayBack(cluster, snapshot, new RestoreOptions { InPlace = true, Force = true });
            var before = written;
            Assert.True(SpinWait.SpinUntil(() => written > before + 50, TimeSpan.FromSeconds(20)));
        }
        finally
        {
            stop.Cancel();
            Task.WaitAll(writers);
        }

        var kept = cluster.Query<string>("SELECT datname FROM pg_database WHERE datname LIKE 'app\\_before\\_%'");
        var (old, now) = (cluster.In<long>(kept, "SELECT count(*) FROM t WHERE a = 1"), cluster.In<long>("app", "SELECT count(*) FROM t WHERE a = 1"));

        // A session that was ended between its commit and our answer wrote a row that was not counted: at most one each.
        Assert.InRange(old + now - written, 0, 4);
        Assert.True(old > 0 && now > 0);
        Assert.Equal(2, cluster.Query<long>($"SELECT count(*) FROM pg_database WHERE datallowconn AND datconnlimit = -1 AND datname IN ('app', '{kept}')"));
    }
}
