using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Whether the volume has room for a copy of a relation, as far as it can be seen from here.</summary>
internal static class DiskRoom
{
    private const string Sql = """
        SELECT coalesce(nullif(pg_tablespace_location(coalesce(nullif(c.reltablespace, 0), d.dattablespace)), ''), current_setting('data_directory', true), '')
        FROM pg_class c JOIN pg_database d ON d.datname = current_database() WHERE c.oid = to_regclass($1)
        """;

    /// <summary>Why there is too little of it; null where there is enough, or where nobody can tell.</summary>
    public static string? Lacks(UpkeepSession session, OptimizationTask task, CancellationToken cancellation)
    {
        try
        {
            // A folder that is not there belongs to a container or another machine behind the socket or port.
            if (session.Server.MayBeHere && session.Rows(Sql, r => r.GetString(0), cancellation, task.Object) is [{ Length: > 0 } folder] && Directory.Exists(folder))
            {
                FreeSpace.Require(folder, task.EstimatedSpace);
            }

            return null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.DiskFull)
        {
            return e.Message;
        }
        catch (Npgsql.PostgresException e) when (e.SqlState == Npgsql.PostgresErrorCodes.InsufficientPrivilege)
        {
            return null;
        }
    }
}
