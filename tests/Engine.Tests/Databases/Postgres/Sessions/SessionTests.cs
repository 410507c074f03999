using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Health.Probes.Databases;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Sessions;

/// <summary>What a session of ours runs with, which server it goes to, and how it ends.</summary>
public sealed class SessionTests : IDisposable
{
    /// <summary>Settings of a database or role that would end, bend or hide what is read.</summary>
    private static readonly string[] Hostile =
    [
        "statement_timeout = '30ms'", "lock_timeout = '1ms'", "idle_in_transaction_session_timeout = '30ms'", "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on", "row_security = off", "search_path = ''",
        "datestyle = 'German'", "intervalstyle = 'sql_standard'", "extra_float_digits = -15", "bytea_output = 'escape'", "standard_conforming_strings = off",
        "quote_all_identifiers = on", "session_replication_role = replica", "client_min_messages = error", "synchronize_seqscans = on",
    ];

    private readonly PostgresCluster cluster = new();
    private readonly TestFolder folder = new();

    [PostgresFact]
    public void Time_outs_and_forms_of_the_database_and_the_role_do_not_count()
    {
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t AS SELECT i, now() AS at, 0.1::float8 + i AS f, '\\x00ff'::bytea AS b FROM generate_series(1, 200000) i", "app");
        foreach (var setting in Hostile)
        {
            cluster.Execute($"ALTER DATABASE app SET {setting}");
            if (!setting.StartsWith("default_transaction_read_only", StringComparison.Ordinal))
            {
                cluster.Execute($"ALTER ROLE postgres SET {setting}");
            }
        }

        var connection = cluster.ConnectionTo("app");
        using var repository = Repository.Create(folder["repo"], null);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(connection, new PostgresDumpOptions { Parallel = 2 }, new BackupOptions { Source = "a" });
        Assert.Equal(200000, Assert.Single(snapshot.Tables).Rows);
        Assert.Equal(HealthStatus.Healthy, Look.At(new PostgresProbe(connection)).Status);
        using var server = PostgresServer.Connect(connection);
        Assert.Equal(
            "0 0 0 off off ISO hex on origin pg_catalog, pg_temp",
            server.Scalar<string>("SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'), current_setting('row_security'), current_setting('default_transaction_read_only'), split_part(current_setting('datestyle'), ',', 1), current_setting('bytea_output'), current_setting('standard_conforming_strings'), current_setting('session_replication_role'), current_setting('search_path'))"));
    }

    [PostgresFact]
    public void What_the_database_has_set_is_judged_and_not_what_this_session_has()
    {
        cluster.Execute("CREATE DATABASE app");
        var target = new DatabaseTarget { ConnectionString = cluster.ConnectionTo("app"), HistoryFolder = folder["state"] };
        bool IsTold() => DatabaseUpkeep.Inspect(target, SilentSink.Instance, default).Any(f => f.Object == "idle_in_transaction_session_timeout");
        Assert.True(IsTold());
        cluster.Execute("ALTER DATABASE app SET idle_in_transaction_session_timeout = '15min'");
        Assert.False(IsTold());
    }

    [PostgresFact]
    public void Rows_that_a_policy_hides_are_an_error_and_not_missing()
    {
        cluster.Execute("CREATE TABLE t(i int); INSERT INTO t VALUES (1), (2); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (i = 1)");
        cluster.Execute("CREATE ROLE reader LOGIN; GRANT SELECT ON t TO reader; GRANT pg_monitor TO reader");
        var reader = cluster.ConnectionString.Replace("Username=postgres", "Username=reader", StringComparison.Ordinal);
        using var server = PostgresServer.Connect(reader);
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, Assert.Throws<PostgresException>(() => server.Scalar<long>("SELECT count(*) FROM public.t")).SqlState);

        // The user's own question is asked as he would ask it himself.
        Assert.Equal("1", Look.At(new PostgresProbe(reader, question: new DatabaseQuestion("SELECT count(*) FROM t"))).Facts["Value"]);
    }

    [PostgresFact]
    public void A_table_that_became_a_view_meanwhile_is_not_read()
    {
        cluster.Execute("CREATE TABLE t(i int); CREATE VIEW v AS SELECT * FROM t");
        using var server = PostgresServer.Connect(cluster.ConnectionString);
        if (server.Scalar<long>("SELECT count(*) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'") == 0)
        {
            return;
        }

        Assert.Contains("restricted", Assert.Throws<PostgresException>(() => server.Scalar<long>("SELECT count(*) FROM ONLY public.v")).MessageText, StringComparison.Ordinal);
        Assert.Equal("0", Look.At(new PostgresProbe(cluster.ConnectionString, question: new DatabaseQuestion("SELECT count(*)::text FROM v", "0"))).Facts["Value"]);
    }

    [PostgresFact]
    public void A_probe_leaves_nothing_set_and_its_question_changes_nothing()
    {
        cluster.Execute("CREATE TABLE t(i int); CREATE TYPE mood AS ENUM ('good', 'bad')");
        var changed = Look.At(new PostgresProbe(cluster.ConnectionString, question: new DatabaseQuestion("INSERT INTO t VALUES (1) RETURNING i")));
        Assert.Equal(HealthStatus.Unknown, changed.Status);
        Assert.Equal("good", Look.At(new PostgresProbe(cluster.ConnectionString, question: new DatabaseQuestion("SELECT 'good'::mood", "good"))).Facts["Value"]);
        using var server = PostgresServer.Look(PostgresConnectionString.Parse(cluster.ConnectionString), default);
        server.Execute("COMMIT");
        Assert.Equal("\"$user\", public", server.Scalar<string>("SHOW search_path"));
    }

    [PostgresFact]
    public void The_first_host_that_will_do_is_taken_and_kept()
    {
        var replica = cluster.StartReplica();
        var second = new NpgsqlConnectionStringBuilder(replica).Host!;
        string Of(string wanted, params string[] hosts) => $"host={string.Join(',', hosts)} port=5432 user=postgres dbname=postgres target_session_attrs={wanted}";
        foreach (var (wanted, first) in new[] { ("primary", cluster.Folder), ("read-write", cluster.Folder), ("standby", second), ("read-only", second), ("prefer-standby", second), ("any", second) })
        {
            using var server = PostgresServer.Connect(Of(wanted, "/nowhere", second, cluster.Folder));
            Assert.Equal($"postgresql:///postgres?host={first}&port=5432", server.Describe());
            using var other = server.ConnectTo("template1");
            Assert.Equal($"postgresql:///template1?host={first}&port=5432", other.Describe());
            Assert.Equal(first, server.ClientEnvironment()["PGHOST"]);
        }

        var error = Assert.Throws<MaintenanceException>(() => PostgresServer.Connect(Of("standby", cluster.Folder)));
        Assert.Equal(ErrorCode.ServerUnavailable, error.Code);
        Assert.Contains("is not standby, which target_session_attrs asks for", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_that_never_answers_ends_by_its_limit_or_at_once_when_cancelled()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var connection = $"host=127.0.0.1 port={((IPEndPoint)silent.LocalEndpoint).Port} user=a dbname=x connect_timeout=2";
        var clock = Stopwatch.StartNew();
        var error = Assert.Throws<MaintenanceException>(() => PostgresServer.Connect(connection));
        Assert.Contains("did not answer within 2.0 s (connect_timeout)", error.Message, StringComparison.Ordinal);
        Assert.InRange(clock.Elapsed.TotalSeconds, 1.5, 20);

        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        clock.Restart();
        Assert.ThrowsAny<OperationCanceledException>(() => PostgresServer.Connect(connection.Replace("=2", "=60", StringComparison.Ordinal), null, stop.Token));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.1, 5);
    }

    [PostgresFact]
    public void A_statement_ends_when_the_work_is_cancelled_and_what_tidies_up_runs_all_the_same()
    {
        using var stop = new CancellationTokenSource();
        using var server = PostgresServer.Connect(cluster.ConnectionString, null, stop.Token);
        stop.CancelAfter(TimeSpan.FromMilliseconds(300));
        var clock = Stopwatch.StartNew();
        Assert.ThrowsAny<OperationCanceledException>(() => server.Execute("SELECT pg_sleep(60)"));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.2, 10);
        Assert.Equal(1, server.Scalar<int>("SELECT 1"));
    }

    [PostgresFact]
    public void A_server_that_takes_no_options_gets_the_settings_as_statements()
    {
        cluster.Execute("ALTER ROLE postgres SET statement_timeout = '123s'; ALTER ROLE postgres SET search_path = 'public, pg_catalog'");
        using var pool = new OptionRefusingPool(cluster.Folder);
        using var server = PostgresServer.Connect($"host=127.0.0.1 port={pool.Port} user=postgres dbname=postgres sslmode=disable");
        Assert.True(pool.HasRefused);
        Assert.Equal("0", server.Scalar<string>("SHOW statement_timeout"));
        Assert.Equal("pg_catalog, pg_temp", server.Scalar<string>("SHOW search_path"));
        Assert.DoesNotContain("PGOPTIONS", server.ClientEnvironment().Keys);
    }

    public void Dispose()
    {
        cluster.Dispose();
        folder.Dispose();
    }
}
