using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Sessions that are in the way of others.</summary>
internal static class ActivityRules
{
    private const double ManyConnections = 0.8;
    private const double TooManyConnections = 0.95;

    /// <summary>Of those who wait.</summary>
    private const int MostTold = 5;

    private const string PreparedSql = """
        SELECT gid, owner::text, database::text, extract(epoch FROM now() - prepared)::float8 FROM pg_prepared_xacts ORDER BY prepared
        """;

    /// <summary>What is reserved is not there for the application.</summary>
    private const string ConnectionsSql = """
        SELECT (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database), current_setting('max_connections')::bigint,
          current_setting('superuser_reserved_connections')::bigint + coalesce(nullif(current_setting('reserved_connections', true), '')::bigint, 0)
        """;

    /// <summary>Who stands at the head of each queue, and behind whom the others wait that have waited the longest.</summary>
    public static IEnumerable<DatabaseFinding> Blocking(Inspection inspection)
    {
        var sessions = inspection.Activities.ToDictionary(a => a.Pid);
        var waiting = sessions.Values.Where(a => a.BlockedBy.Count > 0).ToList();
        foreach (var root in waiting.SelectMany(w => w.BlockedBy).Distinct().Where(p => !sessions.TryGetValue(p, out var a) || a.BlockedBy.Count == 0))
        {
            var behind = Behind(root, waiting);
            var longest = behind.Max(w => w.WaitSeconds ?? 0);
            if (longest < inspection.Limits.Blocked.TotalSeconds)
            {
                continue;
            }

            var who = sessions.TryGetValue(root, out var session) ? session.Describe() : "A prepared transaction";
            yield return inspection.Finding(
                longest >= inspection.Limits.BlockedLong.TotalSeconds ? FindingSeverity.Error : FindingSeverity.Warning, "Blocking", session?.Name ?? "prepared transaction",
                $"{who} keeps {behind.Count} session{(behind.Count > 1 ? "s" : "")} waiting, the longest for {Seconds(longest)}: {string.Join("; ", behind.OrderByDescending(w => w.WaitSeconds).Take(MostTold).Select(w => w.Describe() + Behind(w, root)))}{(behind.Count > MostTold ? $"; and {behind.Count - MostTold} more" : "")}") with
            {
                Sql = session is null ? "" : $"SELECT pg_terminate_backend({root.ToString(CultureInfo.InvariantCulture)});",
                Advice = "Ending the session undoes its transaction; ask its owner first.",
            };
        }
    }

    public static IEnumerable<DatabaseFinding> LongTransaction(Inspection inspection) =>
        from a in inspection.Activities
        where a.IsClient && (a.TransactionSeconds >= inspection.Limits.Transaction.TotalSeconds || (a.IsIdleInTransaction && a.StateSeconds >= inspection.Limits.IdleInTransaction.TotalSeconds))
        select inspection.Finding(
            FindingSeverity.Warning, "LongTransaction", a.Name,
            $"{a.Describe()}{(a.IsIdleInTransaction ? $"; nothing was done in it for {Seconds(a.StateSeconds ?? 0)}" : "")}") with
        {
            Sql = $"SELECT pg_terminate_backend({a.Pid.ToString(CultureInfo.InvariantCulture)});",
            Advice = "No vacuum frees rows that died since it began, in any table; its locks stay until it ends. idle_in_transaction_session_timeout ends the idle ones.",
        };

    public static IEnumerable<DatabaseFinding> Prepared(Inspection inspection) =>
        from p in inspection.Rows(PreparedSql, r => (Id: r.GetString(0), Owner: r.GetString(1), Database: r.GetString(2), Seconds: r.GetDouble(3)))
        where p.Seconds >= inspection.Limits.Prepared.TotalSeconds
        select inspection.Finding(
            FindingSeverity.Warning, "PreparedTransaction", p.Id,
            $"The transaction '{p.Id}' of {p.Owner} in {p.Database} was prepared {Seconds(p.Seconds)} ago and neither committed nor rolled back.") with
        {
            Sql = $"ROLLBACK PREPARED {PostgresServer.Literal(p.Id)};",
            Advice = "It survives restarts, keeps its locks and stops vacuums. Ask its transaction manager whether to commit or to roll back.",
        };

    public static IEnumerable<DatabaseFinding> Connections(Inspection inspection) =>
        from c in inspection.Rows(ConnectionsSql, r => (Used: r.GetInt64(0), Most: r.GetInt64(1), Reserved: r.GetInt64(2)))
        let ratio = (double)c.Used / Math.Max(1, c.Most - c.Reserved)
        where ratio > ManyConnections
        select inspection.Finding(
            ratio > TooManyConnections ? FindingSeverity.Error : FindingSeverity.Warning, "Connections", "max_connections",
            string.Create(CultureInfo.InvariantCulture, $"{c.Used} of {c.Most} connections are taken, and {c.Reserved} are reserved: {ratio:P0} of what the application may use.")) with
        {
            Ratio = ratio,
            Advice = "A pool with fewer connections serves more than a server with more of them.",
        };

    /// <summary>Whom somebody waits for who does not wait for the head itself.</summary>
    private static string Behind(Activity waiting, int root) =>
        waiting.BlockedBy.Contains(root) ? "" : $", behind pid {string.Join(" and ", waiting.BlockedBy.Distinct())}";

    private static List<Activity> Behind(int root, List<Activity> waiting)
    {
        var queue = new HashSet<int> { root };
        var behind = new List<Activity>();
        for (var before = 0; before < queue.Count;)
        {
            before = queue.Count;
            foreach (var one in waiting.Where(w => !queue.Contains(w.Pid) && w.BlockedBy.Any(queue.Contains)).ToList())
            {
                queue.Add(one.Pid);
                behind.Add(one);
            }
        }

        return behind;
    }

    private static string Seconds(double seconds) => Duration.Format(TimeSpan.FromSeconds(seconds));
}
