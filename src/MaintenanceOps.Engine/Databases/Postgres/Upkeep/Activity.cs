namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>A session of the server, and who keeps it waiting.</summary>
internal sealed record Activity(
    int Pid, string Database, string User, string Application, string Kind, string State, string Query,
    double? TransactionSeconds, double? StateSeconds, double? WaitSeconds, IReadOnlyList<int> BlockedBy)
{
    /// <summary>From version 14 on a lock knows since when it is waited for; before, the statement's age is all there is.</summary>
    private const string WaitingSince = "(SELECT min(l.waitstart) FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted)";

    private const string Sql = """
        SELECT a.pid, coalesce(a.datname, ''), coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(a.backend_type, ''), coalesce(a.state, ''), coalesce(a.query, ''),
          extract(epoch FROM clock_timestamp() - a.xact_start)::float8, extract(epoch FROM clock_timestamp() - a.state_change)::float8,
          CASE WHEN a.wait_event_type = 'Lock' THEN extract(epoch FROM clock_timestamp() - {0})::float8 END,
          CASE WHEN a.wait_event_type = 'Lock' THEN pg_blocking_pids(a.pid) ELSE '{}' END
        FROM pg_stat_activity a
        WHERE a.pid <> pg_backend_pid()
        """;

    /// <summary>The session as a finding's object.</summary>
    public string Name => $"pid {Pid}";

    public bool IsClient => Kind == "client backend";

    public bool IsIdleInTransaction => State.StartsWith("idle in transaction", StringComparison.Ordinal);

    /// <summary>The session in words.</summary>
    public string Describe() => $"pid {Pid} ({string.Join(", ", new[] { User, Application, Kind == "client backend" ? "" : Kind, State }.Where(s => s.Length > 0))}"
        + (TransactionSeconds is { } age ? $", transaction {Duration.Format(TimeSpan.FromSeconds(age))} old)" : ")")
        + (Query.Length > 0 ? $": {Statement.Show(Query)}" : "");

    public static List<Activity> Read(UpkeepSession session, CancellationToken cancellation) => session.Rows(
        Sql.Replace("{0}", session.Server.Version >= 140000 ? WaitingSince : "a.query_start", StringComparison.Ordinal),
        r => new Activity(
            r.GetInt32(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6),
            r.IsDBNull(7) ? null : r.GetDouble(7), r.IsDBNull(8) ? null : r.GetDouble(8), r.IsDBNull(9) ? null : r.GetDouble(9), r.GetFieldValue<int[]>(10)),
        cancellation);
}
