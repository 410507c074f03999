using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Names of what a restore makes on a live server before anybody sees it. Each tells the session that made it, so that the
/// next restore finds what a killed one has left.
/// </summary>
internal static class SessionName
{
    public const string Prefix = "mops_stage_";

    /// <summary>A session's process and the moment at which it began, which no other one shares.</summary>
    private const string Sessions = "SELECT pid || '_' || (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_catalog.pg_stat_activity";

    /// <summary>A new name, which counts as used while this session lasts.</summary>
    public static string New(PostgresServer server) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{server.Scalar<string>(Sessions + " WHERE pid = pg_catalog.pg_backend_pid()")}_{Guid.NewGuid().ToString("N")[..8]}");

    /// <summary>Those of the names whose session is gone.</summary>
    public static List<string> Orphans(PostgresServer server, IEnumerable<string> names)
    {
        var sessions = server.Rows(Sessions + " WHERE backend_start IS NOT NULL", r => r.IsDBNull(0) ? "" : r.GetString(0)).ToHashSet(StringComparer.Ordinal);
        return [.. names.Where(name => !sessions.Contains(SessionOf(name)))];
    }

    private static string SessionOf(string name)
    {
        var session = name[Prefix.Length..];
        return session[..Math.Max(0, session.LastIndexOf('_'))];
    }
}
