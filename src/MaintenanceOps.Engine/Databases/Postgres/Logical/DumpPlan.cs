namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>One file of a dumped database.</summary>
/// <param name="Path">Where it is in the snapshot.</param>
/// <param name="Arguments">What <c>pg_dump</c> is told to put into it.</param>
internal sealed record DumpPart(string Path, IReadOnlyList<string> Arguments);

/// <summary>
/// How a database is cut into files. One is all of it, as <c>pg_dump</c> makes it. For several, the definitions are one
/// file, the largest tables' rows are spread over as many as wanted, and whatever is not among those tables (rows of all
/// others, large objects, sequences) is in the first, which names only what it leaves out: nothing can fall between.
/// </summary>
internal static class DumpPlan
{
    /// <summary>Where all dumps are in a snapshot.</summary>
    public const string Folder = "databases";

    /// <summary>The file of a database that is dumped as one.</summary>
    public static string PathOf(string database) => $"{Folder}/{Uri.EscapeDataString(database)}.dump";

    /// <summary>The folder of a database that is dumped in parts.</summary>
    public static string FolderOf(string database) => $"{Folder}/{Uri.EscapeDataString(database)}";

    /// <summary>The definitions of a database that is dumped in parts.</summary>
    public static string SchemaOf(string database) => $"{FolderOf(database)}/schema.dump";

    /// <param name="database">Its name.</param>
    /// <param name="tables">Its tables' names as SQL writes them, with their sizes in bytes.</param>
    /// <param name="parallel">How many programs run at once.</param>
    public static IReadOnlyList<DumpPart> Of(string database, IEnumerable<(string Quoted, long Size)> tables, int parallel)
    {
        if (parallel == 1)
        {
            return [new DumpPart(PathOf(database), [])];
        }

        // The largest first, each into the share that has least so far; the first share keeps room for all that is not named.
        var shares = Enumerable.Range(0, parallel).Select(_ => new List<string>()).ToArray();
        var sizes = new long[parallel];
        foreach (var (table, size) in tables.OrderByDescending(t => t.Size))
        {
            var least = Array.IndexOf(sizes, sizes.Min());
            sizes[least] += size;
            shares[least].Add(table);
        }

        var named = shares.Skip(1).SelectMany(s => s).ToList();
        return
        [
            new DumpPart(SchemaOf(database), ["--section=pre-data", "--section=post-data"]),
            new DumpPart(DataOf(database, 1), ["--section=data", .. named.Select(t => $"--exclude-table-data={t}")]),
            .. shares.Skip(1).Where(s => s.Count > 0).Select((s, i) => new DumpPart(DataOf(database, i + 2), ["--section=data", .. s.Select(t => $"--table={t}")])),
        ];
    }

    private static string DataOf(string database, int number) => $"{FolderOf(database)}/data-{number}.dump";
}
