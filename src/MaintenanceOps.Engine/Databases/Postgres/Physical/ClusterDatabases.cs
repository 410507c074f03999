using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// The databases of a cluster with their tables, as a base backup tells of them. They are only told of: whatever keeps us
/// from looking into one, it comes along all the same.
/// </summary>
internal static class ClusterDatabases
{
    /// <summary>The tables with their sizes; a base backup has no one moment in which their rows could be counted.</summary>
    /// <param name="server">The server.</param>
    /// <param name="sink">Told what cannot be listed.</param>
    /// <param name="warnings">Gets what the snapshot is to say of itself.</param>
    public static List<PostgresDatabase> Look(PostgresServer server, IOperationSink sink, List<string> warnings)
    {
        var found = new List<PostgresDatabase>();
        foreach (var name in Names(server))
        {
            try
            {
                using var database = server.ConnectTo(name);
                if (UnloggedTables.Of(database) is { Count: > 0 } unlogged)
                {
                    warnings.Add(UnloggedTables.Words(name, unlogged));
                }

                found.Add(DatabaseFacts.Read(database) with { Tables = [.. PostgresTables.List(database).Select(t => t.Table)] });
            }
            catch (Exception e) when (e is NpgsqlException or InvalidOperationException or MaintenanceException { Code: ErrorCode.ServerUnavailable or ErrorCode.DatabaseError })
            {
                // It was dropped, allows no more connections, or does not let this user in.
                found.Add(new PostgresDatabase { Name = name });
                if (Names(server).Contains(name))
                {
                    sink.Warn($"Database '{name}' comes along, and its tables cannot be listed: {e.Message}");
                }
            }
        }

        return found;
    }

    /// <summary>Those that were not dropped meanwhile: whether the backup has one of those depends on the moment.</summary>
    public static IEnumerable<PostgresDatabase> StillThere(PostgresServer server, List<PostgresDatabase> databases)
    {
        var names = Names(server);
        return databases.Where(d => names.Contains(d.Name));
    }

    private static List<string> Names(PostgresServer server) =>
        server.Rows("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname", r => r.GetString(0));
}
