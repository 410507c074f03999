using System.Globalization;
using MaintenanceOps.Engine.Databases.Sqlite;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Small real databases and the questions that tests ask of them.</summary>
internal static class SampleDatabase
{
    public static void Create(string path, int rows = 500, int pageSize = 4096, string journalMode = "wal")
    {
        using var connection = SqliteConnections.OpenAlone(path, create: true);
        connection.Execute($"PRAGMA page_size = {pageSize}; PRAGMA journal_mode = {journalMode}; PRAGMA synchronous = OFF");
        connection.Execute("CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INT REFERENCES users(id), body TEXT, embedding BLOB); CREATE INDEX notes_user ON notes(user_id)");
        connection.Execute("INSERT INTO users WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20) SELECT i, 'user ' || i FROM n");
        AddNotes(connection, rows);
    }

    public static void AddNotes(SqliteConnection connection, int rows) => connection.Execute(string.Create(
        CultureInfo.InvariantCulture,
        $"INSERT INTO notes(user_id, body, embedding) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT 1 + i % 20, 'note ' || i || ' ' || hex(zeroblob(i % 400)), randomblob(300) FROM n"));

    /// <summary>A connection as an application opens it: it may write to its own schema.</summary>
    public static SqliteConnection AsApplication(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        return connection;
    }

    public static void Change(string path, string sql, bool create = false)
    {
        using var connection = create ? SqliteConnections.OpenAlone(path, create: true) : SqliteConnections.OpenBeside(path);
        connection.Execute(sql);
    }

    /// <summary>Commits into the log, and lets it lie there as a process does that is killed.</summary>
    public static void LeaveALog(string path)
    {
        using var kept = new TestFolder();
        using (var writer = SqliteConnections.OpenBeside(path))
        {
            writer.Execute("PRAGMA wal_autocheckpoint = 0");
            AddNotes(writer, 40);
            Copy(path, kept["db"]);
        }

        Copy(kept["db"], path);
    }

    /// <summary>Leaves what a process leaves that is killed in the middle of a transaction: some of its pages, and the journal to roll them back with.</summary>
    public static void LeaveAJournal(string path)
    {
        using var kept = new TestFolder();
        using (var writer = SqliteConnections.OpenBeside(path))
        {
            writer.Execute("PRAGMA journal_mode = delete; PRAGMA synchronous = OFF; PRAGMA cache_size = 5; BEGIN");
            AddNotes(writer, 40);
            Copy(path, kept["db"]);
            writer.Execute("ROLLBACK");
        }

        Copy(kept["db"], path);
    }

    /// <summary>What a database says, without touching its files.</summary>
    public static string FingerprintOfCopy(string path)
    {
        using var copy = new TestFolder();
        Copy(path, copy["db"]);
        return Fingerprint(copy["db"]);
    }

    private static void Copy(string from, string to)
    {
        foreach (var part in new[] { "", "-wal", "-shm", "-journal" }.Where(p => File.Exists(from + p)))
        {
            File.Copy(from + part, to + part, overwrite: true);
        }
    }

    /// <summary>All content as one hash, by SQL and not by bytes: equal for equal states in whatever pages they lie.</summary>
    public static string Fingerprint(string path)
    {
        using var connection = SqliteConnections.OpenBeside(path);
        var parts = SqliteInspection.TableNames(connection).Select(t => connection.Scalar<string>(
            $"SELECT '{t}:' || count(*) || ':' || coalesce(sum(length(body)), 0) || ':' || coalesce(sum(id), 0) || ':' || coalesce(max(hex(embedding)), '') FROM (SELECT id, {(t == "notes" ? "body, embedding" : "name AS body, NULL AS embedding")} FROM {t})"));
        return string.Join('|', parts);
    }
}
