using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Tables and indexes that are much larger than their rows.</summary>
internal static class BloatRules
{
    public static IEnumerable<DatabaseFinding> Tables(Inspection inspection)
    {
        var tables = Bloat.OfTables(inspection.Session, inspection.Limits, inspection.Limits.BloatSize, inspection.Cancellation);
        foreach (var table in tables.Where(t => t.Pays(inspection.Limits)))
        {
            yield return Finding(inspection, "TableBloat", table) with
            {
                EstimatedTime = Throughput.Rewrite(table.Size - table.Gain!.Value),
                EstimatedSpace = table.Size - table.Gain,
                Advice = "Its own new rows fill the room, so often nothing has to be done. "
                    + $"VACUUM (FULL) {table.Name} gives it back and keeps everybody out for about {Duration.Format(Throughput.Rewrite(table.Size - table.Gain.Value))}: only in a maintenance window.",
            };
        }

        if (tables.Where(t => !t.Known).ToList() is { Count: > 0 } unknown)
        {
            yield return inspection.NotSeen(
                "TableBloat",
                $"for {unknown.Count} large table{(unknown.Count > 1 ? "s" : "")}, {unknown[0].Name} among them, there are no statistics of all columns, or the user may not see them") with
            {
                Advice = "ANALYZE gathers them; they are shown to those who may read the table, as a member of pg_read_all_data (from PostgreSQL 14 on) may.",
            };
        }
    }

    public static IEnumerable<DatabaseFinding> Indexes(Inspection inspection) =>
        from i in Bloat.OfIndexes(inspection.Session, inspection.Limits, inspection.Limits.BloatSize, inspection.Cancellation)
        where i.Pays(inspection.Limits)
        select Finding(inspection, "IndexBloat", i) with
        {
            Action = OptimizationStep.Reindex,
            Sql = $"REINDEX INDEX CONCURRENTLY {i.Name}",
            EstimatedTime = Throughput.Reindex(i.Size),
            EstimatedSpace = i.Size - i.Gain,
        };

    private static DatabaseFinding Finding(Inspection inspection, string rule, Bloat bloat) => inspection.Finding(
        bloat.Ratio >= 0.5 ? FindingSeverity.Warning : FindingSeverity.Information, rule, bloat.Name,
        string.Create(CultureInfo.InvariantCulture, $"{bloat.Name} has {ByteSize.Format(bloat.Size)}, of which {bloat.Ratio:P0} are air{(bloat.Confirmed ? "" : ", by an estimate; the extension pgstattuple would measure it")}.")) with
    {
        Size = bloat.Size,
        Ratio = bloat.Ratio,
        Gain = bloat.Gain,
    };
}
