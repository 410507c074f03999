using MaintenanceOps.Engine.Snapshots;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>SQL that must give a true value in what was restored.</summary>
internal static class PostgresAssertion
{
    public static void Check(PostgresServer server, string sql, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        IReadOnlyList<object?> values;
        try
        {
            server.ForUserSql();
            values = server.FirstOfEach(sql);
        }
        catch (PostgresException e)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{sql}' cannot be asked: {e.MessageText} Nothing was recorded.", sql, e);
        }

        AssertedValue.Check(sql, values, snapshot, drill);
    }
}
