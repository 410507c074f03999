using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Benchmarks;

/// <summary>A SQLite database with two thirds of its pages free, mended by us and by the same statements in SQLite's own shell.</summary>
internal sealed class SqliteUpkeepBenchmark(Options options, string mops, ResultTable table)
{
    private const string ByHand = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA optimize = 0x10002;";

    public void Run()
    {
        var master = Path.Combine(options.Work, "sparse.db");
        Make(master);
        var (ours, theirs) = (new List<Cost>(), new List<Cost>());
        for (var round = 0; round < options.Rounds; round++)
        {
            ours.Add(OnCopy(master, path => [mops, "optimize", path, "--quiet"]));
            theirs.Add(OnCopy(master, path => ["sqlite3", path, ByHand]));
        }

        table.Time($"SQLite, {options.Size} MB, two thirds free: looked at, vacuumed, analysed", "the same statements by `sqlite3`", ours, theirs, 1.3);
        table.Limit("SQLite, vacuum, memory", ResultTable.Median(ours, c => c.PeakMiB), "MiB", 200);
    }

    private Cost OnCopy(string master, Func<string, string[]> command)
    {
        var path = Path.Combine(options.Work, "copy.db");
        File.Copy(master, path, overwrite: true);
        var cost = Tool.Run(command(path));
        if (new FileInfo(path).Length > new FileInfo(master).Length / 2)
        {
            throw new InvalidOperationException($"{string.Join(' ', command(path))} did not shrink the file.");
        }

        Tool.Remove(path);
        return cost;
    }

    private void Make(string path)
    {
        Tool.Remove(path);
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = """
            PRAGMA journal_mode = wal;
            CREATE TABLE notes(id INTEGER PRIMARY KEY, title TEXT, body BLOB);
            CREATE INDEX notes_title ON notes(title);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows) INSERT INTO notes SELECT i, 'note ' || i, randomblob(1900) FROM n;
            DELETE FROM notes WHERE id % 3 <> 0;
            PRAGMA wal_checkpoint(TRUNCATE);
            """;
        command.Parameters.AddWithValue("$rows", options.Size * 500L);
        command.ExecuteNonQuery();
    }
}
