using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Fills the materialized views that were filled when the dump was taken, one by one, in the dump's order.</summary>
internal sealed class ViewRefresh(PostgresServer database, IReadOnlyList<DumpEntry> entries, OwnersRetry retry)
{
    private const string Views = """
        SELECT n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND NOT c.relispopulated
        """;

    /// <returns>The views that could not be filled.</returns>
    public List<UnrestoredObject> Run(CancellationToken cancellation)
    {
        var unrestored = new List<UnrestoredObject>();
        var views = database.Rows(Views, r => (Start: DumpEntry.Start("MATERIALIZED VIEW DATA", r.GetString(0), r.GetString(1)), Quoted: r.GetString(2)));
        foreach (var entry in entries.Where(e => e.IsViewContent))
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var view in views.Where(v => entry.Text.StartsWith(v.Start, StringComparison.Ordinal)))
            {
                var statement = $"REFRESH MATERIALIZED VIEW {view.Quoted}";
                if (Refresh(statement) is { } words && (words = retry.Try(view.Quoted, statement) switch { null => null, "" => words, var second => second }) is not null)
                {
                    unrestored.Add(new UnrestoredObject($"MATERIALIZED VIEW {view.Quoted}", $"It is there without its rows: {words}", statement + ";"));
                }
            }
        }

        return unrestored;
    }

    private string? Refresh(string statement)
    {
        try
        {
            database.Execute(statement);
            return null;
        }
        catch (PostgresException e)
        {
            return e.MessageText;
        }
    }
}
