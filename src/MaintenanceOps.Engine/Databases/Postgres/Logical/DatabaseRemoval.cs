using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Drops a database that nobody needs, whatever keeps it: subscriptions, slots, prepared transactions, sessions, flags.</summary>
internal static class DatabaseRemoval
{
    /// <returns>Null where it is gone; else what the server said.</returns>
    public static string? TryDrop(PostgresServer server, string name)
    {
        if (Drop(server, name) is not { } words)
        {
            return null;
        }

        try
        {
            Open(server, name);
            using var database = server.ConnectTo(name);
            EndSubscriptions(database);
            RollBackPrepared(database);
        }
        catch (Exception e) when (e is NpgsqlException or MaintenanceException)
        {
            // A database that lets nobody in, as one whose drop was interrupted, has no use for this.
        }

        DropSlots(server, name);
        return Drop(server, name) is { } still ? (still == words ? words : $"{words}; {still}") : null;
    }

    private static string? Drop(PostgresServer server, string name) => Try(server, $"DROP DATABASE IF EXISTS {PostgresServer.Quote(name)} WITH (FORCE)");

    private static void Open(PostgresServer server, string name)
    {
        Try(server, $"ALTER DATABASE {PostgresServer.Quote(name)} IS_TEMPLATE false");
        Try(server, $"ALTER DATABASE {PostgresServer.Quote(name)} ALLOW_CONNECTIONS true");
    }

    /// <summary>Without its slot's name a subscription is dropped without a word to the other server.</summary>
    private static void EndSubscriptions(PostgresServer database)
    {
        const string Own = "SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()";
        foreach (var subscription in database.Rows(Own, r => PostgresServer.Quote(r.GetString(0))))
        {
            Try(database, $"ALTER SUBSCRIPTION {subscription} DISABLE");
            Try(database, $"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)");
            Try(database, $"DROP SUBSCRIPTION {subscription}");
        }
    }

    private static void RollBackPrepared(PostgresServer database)
    {
        foreach (var transaction in database.Rows("SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()", r => r.GetString(0)))
        {
            Try(database, $"ROLLBACK PREPARED {PostgresServer.Literal(transaction)}");
        }
    }

    private static void DropSlots(PostgresServer server, string name)
    {
        foreach (var slot in server.Rows("SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE database = $1", r => r.GetString(0), name))
        {
            Try(server, "SELECT pg_catalog.pg_terminate_backend(active_pid, 5000) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL", slot);
            Try(server, "SELECT pg_catalog.pg_drop_replication_slot($1)", slot);
        }
    }

    private static string? Try(PostgresServer server, string sql, params object[] values)
    {
        try
        {
            server.Execute(sql, values);
            return null;
        }
        catch (PostgresException e)
        {
            return e.MessageText;
        }
    }
}
