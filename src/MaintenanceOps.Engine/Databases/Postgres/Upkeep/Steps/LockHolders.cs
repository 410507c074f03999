using System.Diagnostics;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Whose locks are in the way of work on a table.</summary>
internal static class LockHolders
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>What a vacuum, an analysis or a rebuild beside the application has to wait for; reading and writing rows is not among it.</summary>
    public static readonly string[] AgainstUpkeep = ["ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"];

    /// <summary>What a rewrite has to wait for.</summary>
    public static readonly string[] All = ["AccessShareLock", "RowShareLock", "RowExclusiveLock", .. AgainstUpkeep];

    private const string Sql = """
        SELECT DISTINCT coalesce(l.pid, 0), l.virtualtransaction FROM pg_locks l
        WHERE l.locktype = 'relation' AND l.granted AND l.relation = to_regclass($1) AND l.mode = ANY($2) AND l.pid IS DISTINCT FROM pg_backend_pid()
          AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
        """;

    /// <summary>Transactions that see the rows as they were; their age is hidden from users who may not see other people's sessions.</summary>
    private const string SnapshotSql = """
        SELECT a.pid, 'snapshot ' || a.pid || ' ' || a.xact_start FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend' AND a.backend_xmin IS NOT NULL AND a.xact_start IS NOT NULL
        """;

    /// <summary>Those who hold one of the locks now, in words.</summary>
    public static string Describe(UpkeepSession session, string table, string[] modes, CancellationToken cancellation) =>
        Describe(session, Of(session, table, modes, cancellation), cancellation);

    /// <summary>
    /// Waits until every transaction that touches the table now, or sees old rows, has ended. A rebuild waits for them too,
    /// but what it has built by then is left behind invalid when it gives up, and cannot be dropped before they end.
    /// </summary>
    /// <returns>Those who are still there after the time, in words; null where nobody is.</returns>
    public static string? WaitForTransactions(UpkeepSession session, string table, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var waiting = InTransaction(session, table, cancellation);
        while (waiting.Count > 0 && clock.Elapsed < session.LockTimeout)
        {
            cancellation.WaitHandle.WaitOne(Pause);
            waiting.IntersectWith(InTransaction(session, table, cancellation));
        }

        return waiting.Count > 0 ? Describe(session, waiting, cancellation) : null;
    }

    private static HashSet<(int Pid, string Transaction)> InTransaction(UpkeepSession session, string table, CancellationToken cancellation)
    {
        var found = Of(session, table, All, cancellation);
        found.UnionWith(session.Rows(SnapshotSql, r => (r.GetInt32(0), r.GetString(1)), cancellation));
        return found;
    }

    private static HashSet<(int Pid, string Transaction)> Of(UpkeepSession session, string table, string[] modes, CancellationToken cancellation) =>
        [.. session.Rows(Sql, r => (r.GetInt32(0), r.GetString(1)), cancellation, table, modes)];

    private static string Describe(UpkeepSession session, HashSet<(int Pid, string Transaction)> holders, CancellationToken cancellation)
    {
        var pids = holders.Select(h => h.Pid).Distinct().ToList();
        var known = Activity.Read(session, cancellation).Where(a => pids.Contains(a.Pid)).Select(a => a.Describe()).ToList();
        if (pids.Contains(0))
        {
            known.Add("a prepared transaction");
        }

        return known.Count > 0 ? string.Join("; ", known) : "it is free again now";
    }
}
