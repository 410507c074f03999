using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite.Upkeep;

/// <summary>One database in a folder of its own, and what upkeep says and does about it.</summary>
internal sealed class UpkeepWorld : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly string? elsewhere;

    public UpkeepWorld(string? database = null) => elsewhere = database;

    public string Database => elsewhere ?? folder["app.db"];

    public string Folder => folder.Path;

    public long Length => new FileInfo(Database).Length;

    public long LogLength => new FileInfo(Database + "-wal") is { Exists: true } log ? log.Length : 0;

    /// <summary>Makes the database by statements and closes it, with what is in its log moved.</summary>
    public void Create(string sql)
    {
        using var connection = SqliteConnections.OpenAlone(Database, create: true);
        connection.Execute("PRAGMA synchronous = OFF");
        connection.Execute(sql);
    }

    /// <summary>A table of contents of a tenth of a megabyte, of which a share is deleted again; and 500 rows to be counted later.</summary>
    public void CreateWithHoles(int megabytes, int deletedTenths, string journalMode = "wal", int autoVacuum = 0)
    {
        Create(string.Create(CultureInfo.InvariantCulture, $"PRAGMA auto_vacuum = {autoVacuum}; PRAGMA journal_mode = OFF; CREATE TABLE files(id INTEGER PRIMARY KEY, content BLOB); CREATE TABLE kept(id INTEGER PRIMARY KEY, body TEXT)"));
        Create($"PRAGMA journal_mode = OFF; {Numbers(megabytes * 10)} INSERT INTO files SELECT i, zeroblob(100000) FROM n; {Numbers(500)} INSERT INTO kept SELECT i, 'body ' || i FROM n");
        Create(string.Create(CultureInfo.InvariantCulture, $"DELETE FROM files WHERE id % 10 < {deletedTenths}; PRAGMA journal_mode = {journalMode}"));
    }

    public static string Numbers(int count) =>
        string.Create(CultureInfo.InvariantCulture, $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");

    /// <summary>A connection of the application's, which closes as any other.</summary>
    public SqliteConnection Connect() => SampleDatabase.AsApplication(Database);

    public IReadOnlyList<DatabaseFinding> Inspect() => DatabaseUpkeep.Inspect(Target(), SilentSink.Instance, default);

    /// <summary>What one rule found.</summary>
    public IReadOnlyList<DatabaseFinding> Find(string rule) => [.. Inspect().Where(f => f.Rule == rule)];

    public List<IntegrityResult> Check(VerificationLevel level)
    {
        var results = new List<IntegrityResult>();
        DatabaseUpkeep.Check(Target(), level, SilentSink.Instance, results.Add, default);
        return results;
    }

    public List<OptimizationResult> Optimize(OptimizationRequest request, IOperationSink? sink = null, CancellationToken cancellation = default)
    {
        var results = new List<OptimizationResult>();
        DatabaseUpkeep.Optimize(Target(), request, sink ?? SilentSink.Instance, results.Add, cancellation);
        return results;
    }

    public OptimizationResult Optimize(OptimizationStep step, bool force = false) =>
        Assert.Single(Optimize(new OptimizationRequest { Steps = [step], Force = force }));

    /// <summary>The rows that <see cref="CreateWithHoles"/> wrote to be found again, in a sound database.</summary>
    public void AssertWhole()
    {
        using var connection = Connect();
        Assert.Equal(500, connection.Scalar<long>("SELECT count(*) FROM kept WHERE body = 'body ' || id"));
        Assert.Equal("ok", SqliteInspection.IntegrityCheck(connection));
    }

    /// <summary>
    /// Cancels a tenth of a second later, and tells when that was. By a thread of its own: a timer waits for a free thread of
    /// the pool, which tests keep busy.
    /// </summary>
    public static Func<TimeSpan> CancelSoon(CancellationTokenSource stop, Stopwatch watch)
    {
        var at = TimeSpan.Zero;
        var thread = new Thread(() =>
        {
            Thread.Sleep(100);
            at = watch.Elapsed;
            stop.Cancel();
        });
        thread.Start();
        return () =>
        {
            thread.Join();
            return at;
        };
    }

    public void Dispose() => folder.Dispose();

    /// <summary>What is remembered of the database from run to run.</summary>
    public string History => folder["history"];

    private DatabaseTarget Target() => new() { Path = Database, LockTimeout = TimeSpan.FromSeconds(0.6), HistoryFolder = History };
}
