using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>What a part needs of a private server on a restored cluster, whose databases are whole and have all that acts on its own.</summary>
internal static class PrivatePart
{
    /// <summary>
    /// Ends transactions that were prepared for a two-phase commit when the copy was taken, and never decided: nobody can decide them
    /// here, and their locks would be waited for.
    /// </summary>
    /// <returns>A sentence about each.</returns>
    public static List<string> EndPrepared(PostgresServer was)
    {
        var pending = was.Rows("SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()", r => r.GetString(0));
        pending.ForEach(gid => was.Execute($"ROLLBACK PREPARED {PostgresServer.Literal(gid)}"));
        return [.. pending.Select(gid => $"Transaction '{gid}' was prepared and not committed at that moment. What it wrote is left out.")];
    }

    /// <summary>Event triggers would run, and foreign tables be read, while the part is taken out.</summary>
    public static void CutOff(PostgresServer was)
    {
        was.Execute("SELECT pg_catalog.set_config('search_path', '', false)");
        foreach (var trigger in was.Rows("SELECT evtname FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D'", r => r.GetString(0)))
        {
            was.Execute($"ALTER EVENT TRIGGER {PostgresServer.Quote(trigger)} DISABLE");
        }

        PrivateCopy.CutOff(was);
    }

    public static Dictionary<string, long> Count(PostgresServer was, List<PartMember> members, CancellationToken cancellation)
    {
        var counted = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var member in members.Where(m => m.HasRows))
        {
            cancellation.ThrowIfCancellationRequested();
            counted[member.Was.ToString()] = RowCount.Of(was, member.Was.Quoted, cancellation);
        }

        return counted;
    }

    /// <summary>Reads all foreign keys and drops them, so that none is dumped with a table that is not.</summary>
    public static List<ForeignKey> TakeForeignKeys(PostgresServer was)
    {
        var keys = ForeignKey.Of(was);
        foreach (var key in keys)
        {
            try
            {
                was.Execute($"ALTER TABLE {key.Table.Quoted} DROP CONSTRAINT {PostgresServer.Quote(key.Name)}");
            }
            catch (PostgresException)
            {
                // One that stays is dumped with its table, and told where it cannot be made.
            }
        }

        return keys;
    }
}
