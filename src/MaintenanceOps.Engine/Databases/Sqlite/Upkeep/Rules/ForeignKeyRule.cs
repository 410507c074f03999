namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>Foreign keys without an index: every delete or change of a parent row reads the whole child table.</summary>
internal static class ForeignKeyRule
{
    /// <summary>Below this the table is read in no time.</summary>
    private const int SmallTable = 1000;

    private const int LargeTable = 10_000;

    public static IEnumerable<DatabaseFinding> Look(Inspection look, IReadOnlyList<Table> tables)
    {
        var taken = tables.SelectMany(t => t.Indexes.Select(i => i.Name).Append(t.Name)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var table in tables)
        {
            look.Cancellation.ThrowIfCancellationRequested();
            var bare = table.ForeignKeys.Where(k => !HasIndex(table, k)).ToList();
            if (bare.Count == 0 || RowEstimate.Of(look.Connection, table) is not { Rows: >= SmallTable } rows)
            {
                continue;
            }

            foreach (var columns in bare.Select(k => k.Columns).DistinctBy(c => string.Join('\0', c), StringComparer.OrdinalIgnoreCase))
            {
                var key = bare.First(k => k.Columns == columns);
                var severity = rows.Rows >= LargeTable ? FindingSeverity.Warning : FindingSeverity.Information;
                var size = IndexEstimate.Of(look.Connection, table, columns);
                yield return look.Finding(severity, "ForeignKeyIndex", $"Table '{table.Name}' has no index on {string.Join(", ", columns)}, its foreign key to '{key.Parent}'.", table.Name) with
                {
                    Size = size,
                    EstimatedSpace = size,
                    EstimatedTime = UpkeepCost.Reindex(look.File, tables.Count),
                    Sql = $"CREATE INDEX {SqliteConnections.Quote(NewName(table, columns, taken))} ON {SqliteConnections.Quote(table.Name)}({string.Join(", ", columns.Select(SqliteConnections.Quote))})",
                    Advice = $"Every delete in '{key.Parent}' reads all of '{table.Name}'. Where rows of '{key.Parent}' are never deleted and nothing is looked up by it, leave it so.",
                };
            }
        }
    }

    /// <summary>An index serves whose first columns are the key's, in any order; so does the rowid.</summary>
    private static bool HasIndex(Table table, ForeignKey key)
    {
        if (key.Columns.Count == 1 && string.Equals(key.Columns[0], table.RowidColumn, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        return table.Indexes.Any(i => i.Columns.Count >= key.Columns.Count
            && Serves(i, key)
            && i.Columns.Take(key.Columns.Count).All(c => c.Name is not null && key.Columns.Contains(c.Name, StringComparer.OrdinalIgnoreCase)));
    }

    /// <summary>A partial index serves only where it leaves out nothing but the rows that point nowhere.</summary>
    private static bool Serves(TableIndex index, ForeignKey key) =>
        !index.IsPartial || key.Columns.Any(c => index.Body.Where == $"{c.ToLowerInvariant()} is not null" || index.Body.Where == $"{c.ToLowerInvariant()} notnull");

    private static string NewName(Table table, IReadOnlyList<string> columns, HashSet<string> taken)
    {
        var name = $"{table.Name}_{string.Join('_', columns)}";
        while (!taken.Add(name))
        {
            name += "_fk";
        }

        return name;
    }
}
