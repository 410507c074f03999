using MaintenanceOps.Engine.Snapshots;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>SQL that must give a true value in what was restored.</summary>
internal static class PostgresAssertion
{
    public static void Check(PostgresServer server, string sql, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        object? value;
        try
        {
            server.ForUserSql();
            value = server.First(sql);
        }
        catch (PostgresException e)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{sql}' cannot be asked: {e.MessageText} Nothing was recorded.", sql, e);
        }

        if (value is null or DBNull or false or 0 or 0L or 0.0 or 0m or "")
        {
            drill.Fail(SnapshotProof.AssertionFailed, $"'{sql}' gave {(value is null or DBNull ? "nothing" : $"'{value}'")}.", snapshot);
        }
    }
}
