using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Loads tables whose rows the server refused because a check constraint, a generated column or a domain calls a function that
/// fails during a restore, mostly since it names things without their schema. They are tried again as the table's owner. Where
/// that does not help either, check constraints are put back for new rows only; the old ones stay unchecked, and the statement
/// that checks them is told.
/// </summary>
internal sealed class RowRepair(DumpPlayer player, PostgresServer database, PostgresDatabase facts)
{
    /// <summary>Constraints of a table and of those that it inherits them from, where each was made.</summary>
    private const string Checks = """
        WITH RECURSIVE line(oid) AS (
            SELECT $1::oid UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN line ON line.oid = i.inhrelid
        )
        SELECT pg_catalog.format('%I.%I', n.nspname, r.relname), pg_catalog.quote_ident(c.conname), pg_catalog.pg_get_constraintdef(c.oid)
        FROM line JOIN pg_catalog.pg_constraint c ON c.conrelid = line.oid JOIN pg_catalog.pg_class r ON r.oid = c.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
        WHERE c.contype = 'c' AND c.convalidated AND c.coninhcount = 0 AND c.conrelid <> 0
        """;

    private const string Named = """
        SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname || '.' || c.relname = $1
        """;

    /// <summary>Whether the database has other code than what is restored.</summary>
    public bool IsLive { get; init; }

    /// <summary>Through which table the rows of one go, by schema and name; null for the one that the dump names.</summary>
    public Func<string, string, string?> EntryOf { get; init; } = (_, _) => null;

    /// <param name="tables">Tables that exist and are empty, as <see cref="PostgresTables.Key"/> writes them.</param>
    /// <returns>The constraints that hold for new rows only.</returns>
    public List<UnrestoredObject> Run(IReadOnlyList<string> tables)
    {
        var unverified = new List<UnrestoredObject>();
        var retry = new OwnersRetry(database, facts);
        foreach (var name in tables)
        {
            foreach (var (id, schema, table) in database.Rows(Named, r => (r.GetFieldValue<uint>(0), r.GetString(1), r.GetString(2)), name))
            {
                var loading = new DumpedRows(player, database, schema, table) { Into = EntryOf(schema, table) };
                if (retry.Try($"{PostgresServer.Quote(schema)}.{PostgresServer.Quote(table)}", IsLive, loading.Load) is not null)
                {
                    unverified.AddRange(Load(id, schema, table));
                }
            }
        }

        return unverified;
    }

    private List<UnrestoredObject> Load(uint id, string schema, string table)
    {
        var checks = database.Rows(Checks, r => (Table: r.GetString(0), Name: r.GetString(1), Definition: r.GetString(2)), (long)id);
        var putBack = new List<UnrestoredObject>();
        if (checks.Count == 0)
        {
            return putBack;
        }

        checks.ForEach(c => database.Execute($"ALTER TABLE {c.Table} DROP CONSTRAINT {c.Name}"));
        player.PlayRows($"--schema={schema}", $"--table={table}");
        foreach (var (owner, name, definition) in checks)
        {
            try
            {
                database.Execute($"ALTER TABLE {owner} ADD CONSTRAINT {name} {definition} NOT VALID");
                putBack.Add(new UnrestoredObject($"CHECK CONSTRAINT {owner} {name}", "The rows that came back are not checked by it, because its function failed during the restore. New rows are.", $"ALTER TABLE {owner} VALIDATE CONSTRAINT {name};"));
            }
            catch (PostgresException e)
            {
                putBack.Add(new UnrestoredObject($"CHECK CONSTRAINT {owner} {name}", e.MessageText, $"ALTER TABLE {owner} ADD CONSTRAINT {name} {definition};"));
            }
        }

        return putBack;
    }
}
