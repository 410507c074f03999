using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>A database may come from anybody: nothing in it is run, and nothing in it keeps a backup from ending.</summary>
public sealed class HostileSchemaTests : IDisposable
{
    private const string Endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData($"INSERT INTO sqlite_schema VALUES ('view', 'sqlite_x', 'sqlite_x', 0, 'CREATE VIEW sqlite_x AS {Endless}')")]
    [InlineData($"INSERT INTO sqlite_schema VALUES ('view', 'notes2', 'notes2', 0, 'CREATE VIEW notes2 AS {Endless}')")]
    [InlineData("INSERT INTO sqlite_schema VALUES ('trigger', 'x', 'users', 0, 'CREATE TRIGGER x AFTER INSERT ON users BEGIN SELECT load_extension(''/tmp/x.so''); END')")]
    [InlineData("UPDATE sqlite_schema SET sql = 'CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT CHECK(length(hex(zeroblob(400000000))) > 0))' WHERE name = 'users'")]
    [InlineData($"UPDATE sqlite_schema SET sql = 'CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, g AS (hex(zeroblob(400000000))))' WHERE name = 'users'")]
    public void Nothing_of_it_is_run(string sql)
    {
        Make(sql);
        var watch = Stopwatch.StartNew();
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Full).Passed);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
        repository.Restore(snapshot, folder["out.db"]);
        Assert.Equal(File.ReadAllBytes(folder["app.db"]), File.ReadAllBytes(folder["out.db"]));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 60);
    }

    [Fact]
    public void A_view_that_calls_itself_a_table_is_not_counted()
    {
        Make($"INSERT INTO sqlite_schema VALUES ('table', 'evil', 'evil', 0, 'CREATE VIEW evil AS {Endless}')");
        using var repository = Repositories.New(folder);
        var watch = Stopwatch.StartNew();
        try
        {
            Assert.Equal(-1, repository.BackUp(folder["app.db"]).Tables.Single(t => t.Name == "evil").Rows);
        }
        catch (MaintenanceException e)
        {
            // SQLite itself refuses such a schema.
            Assert.Equal(ErrorCode.DatabaseCorrupt, e.Code);
        }

        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 60);
    }

    [Fact]
    public void Names_of_every_sort_are_counted()
    {
        string[] names = ["a\"b'c [x] ;--", "1", " ", "\n\t", new string('n', 5000), "select", "ü\u202e", "%s{0}"];
        SampleDatabase.Create(folder["app.db"], 20, 4096, "delete");
        using (var application = SampleDatabase.AsApplication(folder["app.db"]))
        {
            foreach (var name in names)
            {
                application.Execute($"CREATE TABLE {SqliteConnections.Quote(name)}(x); INSERT INTO {SqliteConnections.Quote(name)} VALUES (1), (2)");
            }
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.All(names, name => Assert.Equal(2, snapshot.Tables.Single(t => t.Name == name).Rows));
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void Thousands_of_tables_end_in_time()
    {
        const int Tables = 20_000;
        SampleDatabase.Create(folder["app.db"], 20, 4096, "delete");
        using (var application = SampleDatabase.AsApplication(folder["app.db"]))
        {
            application.Execute("PRAGMA synchronous = OFF; BEGIN");
            for (var i = 0; i < Tables; i++)
            {
                application.Execute(string.Create(CultureInfo.InvariantCulture, $"CREATE TABLE t{i}(x)"));
            }

            application.Execute("COMMIT");
        }

        using var repository = Repositories.New(folder);
        var watch = Stopwatch.StartNew();
        Assert.Equal(Tables + 2, repository.BackUp(folder["app.db"]).Tables.Count);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 120);
    }

    [Fact]
    public void A_check_ends_when_it_is_cancelled()
    {
        SampleDatabase.Create(folder["app.db"], 60_000, 512, "delete");
        using var repository = Repositories.New(folder);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        var watch = Stopwatch.StartNew();
        Assert.ThrowsAny<OperationCanceledException>(() => new SqliteBackup(repository, SilentSink.Instance).Run(folder["app.db"], new BackupOptions { Source = "a" }, stop.Token));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
        Assert.Empty(repository.Store.List("leases/"));
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("/dev/zero")]
    [InlineData("link to a pipe")]
    public void What_is_no_file_is_refused_without_being_opened(string what)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var path = what[0] == '/' ? what : folder["app.db"];
        if (what[0] != '/')
        {
            using var make = Process.Start("mkfifo", [folder[what == "pipe" ? "app.db" : "pipe"]]);
            make.WaitForExit();
            if (what != "pipe")
            {
                File.CreateSymbolicLink(path, folder["pipe"]);
            }
        }

        using var repository = Repositories.New(folder);
        var watch = Stopwatch.StartNew();
        var error = Assert.Throws<MaintenanceException>(() => repository.BackUp(path));
        Assert.Equal(ErrorCode.NotADatabase, error.Code);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        Assert.False(SqliteBackup.LooksLikeDatabase(path));
    }

    [Fact]
    public void Every_connection_distrusts_the_schema()
    {
        SampleDatabase.Create(folder["app.db"], 20, 4096, "delete");
        foreach (var open in (Func<Microsoft.Data.Sqlite.SqliteConnection>[])[() => SqliteConnections.OpenAlone(folder["app.db"]), () => SqliteConnections.OpenBeside(folder["app.db"])])
        {
            using var connection = open();
            Assert.Equal(0, connection.Scalar<long>("PRAGMA trusted_schema"));
            connection.Execute("PRAGMA writable_schema = ON");
            Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => connection.Execute("UPDATE sqlite_schema SET sql = sql"));
            Assert.Throws<Microsoft.Data.Sqlite.SqliteException>(() => connection.Execute("SELECT load_extension('/tmp/x.so')"));
        }
    }

    private void Make(string sql)
    {
        SampleDatabase.Create(folder["app.db"], 200, 4096, "delete");
        using var application = SampleDatabase.AsApplication(folder["app.db"]);
        application.Execute("PRAGMA writable_schema = ON");
        application.Execute(sql);
    }
}
