using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Runner.Tests;

/// <summary>A folder of its own with a small application in it: a database, and a tree of files.</summary>
public class Place : IDisposable
{
    public Place()
    {
        Folder = Directory.CreateTempSubdirectory("mops-test-").FullName;
        Directory.CreateDirectory(Path.Combine(Folder, "files", "sub"));
        File.WriteAllText(InFolder("files/a.txt"), "alpha");
        File.WriteAllText(InFolder("files/sub/b.txt"), "beta");
        File.WriteAllText(InFolder("files/sub/c.tmp"), "scratch");
        Sql("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE tags(name TEXT); INSERT INTO tags VALUES ('x');"
            + "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO notes(body) SELECT 'note ' || i FROM n");
    }

    public string Folder { get; }

    public string Database => InFolder("app.db");

    public string Repository => InFolder("repo");

    internal Mops Mops() => new() { Folder = Folder, Environment = { ["MAINTENANCEOPS_REPOSITORY"] = Repository } };

    public string InFolder(string name) => Path.Combine(Folder, name);

    public void Sql(string sql) => Sql(Database, sql);

    public static void Sql(string database, string sql)
    {
        using var connection = Open(database);
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The tests' own statements.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    public static long Count(string database, string table)
    {
        using var connection = Open(database);
        using var command = connection.CreateCommand();
#pragma warning disable CA2100
        command.CommandText = $"SELECT count(*) FROM {table}";
#pragma warning restore CA2100
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>What a killed or careless process would leave: leases, half-written objects, scratch folders.</summary>
    public IEnumerable<string> Debris() => Directory.EnumerateFileSystemEntries(Folder, "*", SearchOption.AllDirectories)
        .Where(p => p.Contains(".mops-", StringComparison.Ordinal)
            || (File.Exists(p) && (p.StartsWith(InFolder("repo/tmp/"), StringComparison.Ordinal) || p.StartsWith(InFolder("repo/leases/"), StringComparison.Ordinal))));

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private static SqliteConnection Open(string database)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = database, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }
}
