using MaintenanceOps.Engine.Databases.Postgres;
using Npgsql;

namespace MaintenanceOps.Engine.Health.Probes.Databases;

/// <summary>What a server says of itself in one question. A role without rights sees less, and what it does not see is null.</summary>
internal sealed record PostgresState
{
    private const string Sql = """
        SELECT
            (SELECT sum(numbackends) FROM pg_stat_database WHERE datid <> 0)::int,
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - coalesce(current_setting('reserved_connections', true), '0')::int,
            (SELECT extract(epoch FROM max(now() - xact_start)) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())::float8,
            (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock')::int,
            {0},
            pg_is_in_recovery(),
            CASE WHEN pg_is_in_recovery()
                THEN (SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END)
                ELSE (SELECT extract(epoch FROM max(replay_lag)) FROM pg_stat_replication) END::float8,
            CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
                ELSE (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) FROM pg_stat_replication) END::int8,
            (SELECT extract(epoch FROM now() - min(greatest(last_analyze, last_autoanalyze))) FROM pg_stat_user_tables WHERE n_live_tup > 1000)::float8,
            (SELECT count(*) FROM pg_stat_user_tables WHERE n_live_tup > 1000 AND greatest(last_analyze, last_autoanalyze) IS NULL)::int,
            has_function_privilege('pg_ls_waldir()', 'execute'),
            pg_is_in_recovery() AND NOT EXISTS (SELECT 1 FROM pg_stat_wal_receiver),
            pg_database_size(current_database()),
            (pg_size_bytes(current_setting('max_wal_size')) + pg_size_bytes(current_setting('wal_keep_size')))::int8,
            pg_has_role('pg_monitor', 'usage'),
            quote_ident(current_user)
        """;

    /// <summary>From version 14 on a lock knows since when it is waited for; before, the statement's age is all there is.</summary>
    private const string LockWait = "(SELECT extract(epoch FROM max(clock_timestamp() - waitstart)) FROM pg_locks WHERE NOT granted)::float8";

    private const string StatementAge = "(SELECT extract(epoch FROM max(now() - query_start)) FROM pg_stat_activity WHERE wait_event_type = 'Lock')::float8";

    public required int Connections { get; init; }

    /// <summary>Without those that are kept for superusers.</summary>
    public required int MaxConnections { get; init; }

    public TimeSpan? LongestTransaction { get; init; }

    public int Waiting { get; init; }

    public TimeSpan? LongestLockWait { get; init; }

    public bool IsReplica { get; init; }

    /// <summary>A replica that receives nothing: its lag, by what it has received, would look like none.</summary>
    public bool IsCutOff { get; init; }

    public TimeSpan? Lag { get; init; }

    public long? LagBytes { get; init; }

    /// <summary>Of the table with rows whose statistics are the oldest; null where there is none with statistics.</summary>
    public TimeSpan? StatisticsAge { get; init; }

    /// <summary>Tables with rows that have no statistics at all.</summary>
    public int NeverAnalyzed { get; init; }

    public long? WalSize { get; init; }

    /// <summary>What the settings ask the log to keep to.</summary>
    public long WalWanted { get; init; }

    public long Size { get; init; }

    /// <summary>Whether the role sees what others do.</summary>
    public bool SeesAll { get; init; }

    /// <summary>The role that asks, as a statement writes it.</summary>
    public string Role { get; init; } = "";

    public static PostgresState Read(PostgresServer server)
    {
        var mayListLog = false;
        var state = server.Rows(
            Sql.Replace("{0}", server.Version >= 140000 ? LockWait : StatementAge, StringComparison.Ordinal),
            r =>
            {
                mayListLog = r.GetBoolean(10);
                return new PostgresState
                {
                    Connections = r.GetInt32(0),
                    MaxConnections = r.GetInt32(1),
                    LongestTransaction = Seconds(r, 2),
                    Waiting = r.GetInt32(3),
                    LongestLockWait = Seconds(r, 4),
                    IsReplica = r.GetBoolean(5),
                    Lag = Seconds(r, 6),
                    LagBytes = r.IsDBNull(7) ? null : r.GetInt64(7),
                    StatisticsAge = Seconds(r, 8),
                    NeverAnalyzed = r.GetInt32(9),
                    IsCutOff = r.GetBoolean(11),
                    Size = r.GetInt64(12),
                    WalWanted = r.GetInt64(13),
                    SeesAll = r.GetBoolean(14),
                    Role = r.GetString(15),
                };
            })[0];

        // On its own: the right is asked for before anything is run.
        return mayListLog ? state with { WalSize = server.Scalar<long>("SELECT coalesce(sum(size), 0)::int8 FROM pg_ls_waldir()") } : state;
    }

    public void Tell(Verdict verdict)
    {
        verdict.Fact("Connections", Connections);
        verdict.Fact("MaxConnections", MaxConnections);
        verdict.Fact("LongestTransaction", LongestTransaction);
        verdict.Fact("Waiting", Waiting);
        verdict.Fact("LongestLockWait", LongestLockWait);
        verdict.Fact("IsReplica", IsReplica);
        verdict.Fact("IsCutOff", IsReplica ? IsCutOff : null);
        verdict.Fact("Lag", Lag);
        verdict.Fact("LagBytes", LagBytes);
        verdict.Fact("StatisticsAge", StatisticsAge);
        verdict.Fact("NeverAnalyzed", NeverAnalyzed);
        verdict.Fact("WalSize", WalSize);
        verdict.Fact("Size", Size);
    }

    private static TimeSpan? Seconds(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : TimeSpan.FromSeconds(Math.Max(0, row.GetDouble(column)));
}
