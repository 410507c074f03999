namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>Indexes that another one makes superfluous: each write pays for them, and no read needs them.</summary>
internal static class DuplicateIndexRule
{
    public static IEnumerable<DatabaseFinding> Look(Inspection look, IReadOnlyList<Table> tables)
    {
        foreach (var table in tables)
        {
            var kept = table.Indexes.ToList();

            // One that constrains nothing and was made by a statement can go; of two equal ones the later name goes.
            foreach (var index in table.Indexes.Where(i => i.IsCreated && !i.Unique).OrderByDescending(i => i.Name, StringComparer.Ordinal))
            {
                var others = kept.Where(i => i != index).ToList();
                if (others.Find(i => IsSame(index, i)) is { } same)
                {
                    kept.Remove(index);
                    yield return Finding(look, table, index, FindingSeverity.Warning, $"Index '{index.Name}' of table '{table.Name}' is the same as '{same.Name}'.");
                }
                else if (others.Find(i => IsBeginningOf(index, i)) is { } longer)
                {
                    kept.Remove(index);
                    yield return Finding(look, table, index, FindingSeverity.Information, $"Index '{index.Name}' of table '{table.Name}' is the beginning of '{longer.Name}', which serves the same lookups.");
                }
            }
        }
    }

    private static bool IsSame(TableIndex index, TableIndex other) =>
        index.Body.Where == other.Body.Where
        && (index.HasExpressions || other.HasExpressions ? index.Body.Columns == other.Body.Columns : index.Columns.Count == other.Columns.Count && StartsWith(other, index));

    private static bool IsBeginningOf(TableIndex index, TableIndex other) =>
        !index.IsPartial && !other.IsPartial && !index.HasExpressions && !other.HasExpressions && index.Columns.Count < other.Columns.Count && StartsWith(other, index);

    private static bool StartsWith(TableIndex longer, TableIndex shorter) =>
        longer.Columns.Zip(shorter.Columns).All(pair =>
            pair.First.Descending == pair.Second.Descending
            && string.Equals(pair.First.Name, pair.Second.Name, StringComparison.OrdinalIgnoreCase)
            && string.Equals(pair.First.Collation, pair.Second.Collation, StringComparison.OrdinalIgnoreCase));

    private static DatabaseFinding Finding(Inspection look, Table table, TableIndex index, FindingSeverity severity, string message)
    {
        // What an expression gives has no width of its own, and what a partial index leaves out nobody counts.
        var size = index.HasExpressions || index.IsPartial ? null : IndexEstimate.Of(look.Connection, table, index.Columns.Select(c => c.Name!));
        return look.Finding(severity, "DuplicateIndex", message, index.Name) with
        {
            Size = size,
            Gain = size,
            EstimatedTime = UpkeepCost.Drop(size ?? 0),
            Sql = $"DROP INDEX {SqliteConnections.Quote(index.Name)}",
            Advice = $"Every write to '{table.Name}' keeps it up to date. No statement of the application may name it (INDEXED BY).",
        };
    }
}
