using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Whether the volume has room for a copy of a relation, as far as it can be seen from here.</summary>
internal static class DiskRoom
{
    private const string Sql = """
        SELECT coalesce(nullif(pg_tablespace_location(coalesce(nullif(c.reltablespace, 0), d.dattablespace)), ''), current_setting('data_directory', true), ''), coalesce(current_setting('data_directory', true), '')
        FROM pg_class c JOIN pg_database d ON d.datname = current_database() WHERE c.oid = to_regclass($1)
        """;

    /// <summary>Why there is too little of it; null where there is enough, or where nobody can tell.</summary>
    public static string? Lacks(UpkeepSession session, OptimizationTask task, IOperationSink sink, CancellationToken cancellation)
    {
        try
        {
            if (!session.Server.MayBeHere || session.Rows(Sql, r => (Folder: r.GetString(0), Data: r.GetString(1)), cancellation, task.Object) is not [{ Folder.Length: > 0 } place])
            {
                return null;
            }

            // A folder that is not there belongs to a container or another machine behind the socket or port.
            return Directory.Exists(place.Folder) && Shortage(place.Folder, task.EstimatedSpace) is { } shortage ? Judge(session, place.Data, shortage, task, sink) : null;
        }
        catch (Npgsql.PostgresException e) when (e.SqlState == Npgsql.PostgresErrorCodes.InsufficientPrivilege)
        {
            return null;
        }
    }

    /// <summary>Behind a port there may be a tunnel to a server whose folders are called like ones of this machine: that is no reason to refuse.</summary>
    private static string? Judge(UpkeepSession session, string data, string shortage, OptimizationTask task, IOperationSink sink)
    {
        if (session.Server.IsHere || ControlledBy(data) == session.Server.System)
        {
            return shortage;
        }

        sink.Warn($"If the server is on this machine, there is too little room for {task.Object}: {shortage}");
        return null;
    }

    private static string? Shortage(string folder, long space)
    {
        try
        {
            FreeSpace.Require(folder, space);
            return null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.DiskFull)
        {
            return e.Message;
        }
    }

    /// <summary>The cluster whose data lies in a folder: the first thing in its control file is the system identifier.</summary>
    private static ulong? ControlledBy(string data)
    {
        try
        {
            using var file = File.OpenRead(Path.Combine(data, "global", "pg_control"));
            var identifier = new byte[sizeof(ulong)];
            file.ReadExactly(identifier);
            return BitConverter.ToUInt64(identifier);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // Only the server's own user may read it.
            return null;
        }
    }
}
