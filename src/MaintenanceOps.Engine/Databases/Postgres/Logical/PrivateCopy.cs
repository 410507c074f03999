using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Keeps a copy that nobody may notice from reaching out of its database.</summary>
internal static class PrivateCopy
{
    /// <summary>Foreign tables stay as definitions, but whoever reads one gets an error instead of another server's rows.</summary>
    public static void CutOff(PostgresServer database)
    {
        foreach (var wrapper in database.Rows("SELECT fdwname FROM pg_catalog.pg_foreign_data_wrapper WHERE fdwhandler <> 0", r => r.GetString(0)))
        {
            try
            {
                database.Execute($"ALTER FOREIGN DATA WRAPPER {PostgresServer.Quote(wrapper)} NO HANDLER");
            }
            catch (PostgresException)
            {
                // Only a superuser may; for anybody else there are no user mappings, without which nothing connects.
            }
        }
    }
}
