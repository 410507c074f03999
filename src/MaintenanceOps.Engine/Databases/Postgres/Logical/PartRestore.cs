using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Carries one table, or one schema, out of a database that holds it as it was, into a live one, under another name where
/// that is wanted. The live database gets it in one transaction: whole, with its indexes and sequences, or not at all.
/// </summary>
internal sealed class PartRestore
{
    private const int LongestName = 63;
    private readonly RestoreOptions options;
    private readonly string schema;
    private readonly string? table;

    public PartRestore(RestoreOptions options)
    {
        this.options = options;
        (schema, table) = options.Schema is { } whole ? (whole, null)
            : options.Table!.Split('.', 2) is [var before, var after] ? (before, after)
            : ("public", options.Table);
    }

    public string Schema => schema;

    /// <summary>Null where a whole schema is carried.</summary>
    public string? Table => table;

    private string NewName => options.As ?? table ?? schema;

    private string What => table is null ? $"schema '{schema}'" : $"table '{schema}.{table}'";

    private string NewPlace => table is null ? PostgresServer.Quote(NewName) : $"{PostgresServer.Quote(schema)}.{PostgresServer.Quote(NewName)}";

    /// <summary>The tables that belong to it, of those that a database has.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ItemNotFound"/>.</exception>
    public List<TableCount> Choose(IReadOnlyCollection<TableCount> tables, string database, Snapshot snapshot)
    {
        var chosen = tables.Where(t => table is null ? t.Name.StartsWith(schema + ".", StringComparison.Ordinal) : t.Name == PostgresTables.Key(schema, table)).ToList();
        return chosen.Count > 0 ? chosen : throw new MaintenanceException(
            ErrorCode.ItemNotFound,
            $"Database '{database}' in snapshot {snapshot.ShortId} has no {What}. It has: {string.Join(", ", tables.Take(20).Select(t => t.Name))}.",
            table ?? schema);
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public void RequireFree(PostgresServer live)
    {
        var exists = table is null
            ? live.Scalar<long>("SELECT count(*) FROM pg_namespace WHERE nspname = $1", NewName)
            : live.Scalar<long>("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2", schema, NewName);
        if (exists > 0)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{live.Database}' has a {(table is null ? "schema" : "table")} {NewPlace}. Give -As another name.", NewName);
        }
    }

    /// <summary>Carries it over and counts what arrived.</summary>
    /// <param name="from">The database that holds it as it was; it is changed, so it must be one that nobody needs.</param>
    /// <param name="live">Where it goes.</param>
    /// <param name="tables">What must arrive.</param>
    /// <param name="snapshot">What it comes from.</param>
    /// <param name="cancellation">Ends it; the live database is then as it was.</param>
    public RestoreResult Carry(PostgresServer from, PostgresServer live, List<TableCount> tables, Snapshot snapshot, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var warnings = LeaveReferencesOut(from);
        Rename(from);

        // Quoted, a name is not a pattern.
        var part = table is null ? $"--schema={NewPlace}" : $"--table={NewPlace}";
        using var dump = new ClientTools(options.Tools, from).Start("pg_dump", ["--format=custom", "--compress=0", "--no-password", $"--dbname={PostgresServer.ConnectionOf(from.Database)}", "--no-owner", "--no-privileges", part], cancellation);
        using var restore = new ClientTools(options.Tools, live).Start("pg_restore", [$"--dbname={PostgresServer.ConnectionOf(live.Database)}", "--single-transaction", "--exit-on-error", "--no-password"], cancellation);
        dump.PipeTo(restore, cancellation);
        var arrived = PostgresTables.Count(live, cancellation).ToDictionary(t => t.Name, t => t.Rows);
        foreach (var expected in tables)
        {
            var name = table is null ? NewName + expected.Name[schema.Length..] : PostgresTables.Key(schema, NewName);
            if (arrived.GetValueOrDefault(name, -1) is var rows && rows != expected.Rows)
            {
                throw new MaintenanceException(ErrorCode.VerificationFailed, $"{Math.Max(0, rows)} rows of {expected.Rows} arrived in '{name}'.", name);
            }
        }

        return Result(live, tables, snapshot) with { Warnings = warnings, Elapsed = watch.Elapsed };
    }

    /// <summary>What a restore of it comes to.</summary>
    public RestoreResult Result(PostgresServer live, List<TableCount> tables, Snapshot snapshot) => new()
    {
        Id = snapshot.Id,
        Repository = snapshot.Repository,
        Source = snapshot.Source,
        Destination = $"{live.Describe()}:{(table is null ? NewName : PostgresTables.Key(schema, NewName))}",
        RestoredItems = tables.Count,
        RestoredBytes = tables.Sum(t => t.Size ?? 0),
        RestoredRows = tables.Exists(t => t.Rows < 0) ? -1 : tables.Sum(t => t.Rows),
    };

    /// <summary>A foreign key to a table that does not come along would compare what was with what is now, and fail.</summary>
    private List<string> LeaveReferencesOut(PostgresServer from)
    {
        const string References = """
            SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(c.oid) FROM pg_constraint c
            WHERE contype = 'f' AND conparentid = 0 AND conrelid IN (SELECT oid FROM pg_class WHERE relnamespace = $1::regnamespace AND (relname = $2 OR $2 = ''))
              AND confrelid NOT IN (SELECT oid FROM pg_class WHERE relnamespace = $1::regnamespace AND (relname = $2 OR $2 = ''))
            """;
        var warnings = new List<string>();
        foreach (var (owner, name, definition) in from.Rows(References, r => (r.GetString(0), r.GetString(1), r.GetString(2)), PostgresServer.Quote(schema), table ?? ""))
        {
            from.Execute($"ALTER TABLE {owner} DROP CONSTRAINT {name}");
            warnings.Add($"Foreign key {name} of {owner} was left out, because it leads to a table that stays as it is: {definition}.");
        }

        return warnings;
    }

    /// <summary>A table's indexes and sequences share the schema with those of the live one, so they get other names with it.</summary>
    private void Rename(PostgresServer from)
    {
        if (table is null)
        {
            if (NewName != schema)
            {
                from.Execute($"ALTER SCHEMA {PostgresServer.Quote(schema)} RENAME TO {PostgresServer.Quote(NewName)}");
            }

            return;
        }

        if (NewName == table)
        {
            return;
        }

        var old = $"{PostgresServer.Quote(schema)}.{PostgresServer.Quote(table)}";
        const string Companions = """
            SELECT 'INDEX', c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1::regclass
            UNION ALL
            SELECT 'SEQUENCE', c.relname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
            WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::regclass AND d.deptype IN ('a', 'i') AND c.relkind = 'S'
            """;
        foreach (var (kind, name) in from.Rows(Companions, r => (r.GetString(0), r.GetString(1)), old))
        {
            var rest = name.StartsWith(table, StringComparison.Ordinal) ? name[table.Length..] : "_" + name;
            var renamed = PostgresServer.Shorten(NewName, LongestName - System.Text.Encoding.UTF8.GetByteCount(rest)) + rest;
            from.Execute($"ALTER {kind} {PostgresServer.Quote(schema)}.{PostgresServer.Quote(name)} RENAME TO {PostgresServer.Quote(renamed)}");
        }

        from.Execute($"ALTER TABLE {old} RENAME TO {PostgresServer.Quote(NewName)}");
    }
}
