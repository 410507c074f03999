using System.Globalization;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;
using Xunit.Abstractions;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>
/// Writers at full speed move money between accounts; every snapshot that is taken meanwhile must balance. Ten seconds,
/// or as many as <c>MAINTENANCEOPS_SOAK_SECONDS</c> says.
/// </summary>
public sealed class SoakTests(ITestOutputHelper output) : IDisposable
{
    private const int Accounts = 2000;
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void No_snapshot_is_ever_torn(string journalMode)
    {
        using (var connection = SqliteConnections.OpenAlone(folder["bank.db"], create: true))
        {
            connection.Execute($"PRAGMA page_size = 1024; PRAGMA journal_mode = {journalMode}; CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INT, note TEXT); CREATE TABLE log(id INTEGER PRIMARY KEY, amount INT)");
            connection.Execute(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO accounts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Accounts}) SELECT i, 100, hex(zeroblob(100)) FROM n"));
        }

        using var repository = Repositories.New(folder);
        using var stop = new CancellationTokenSource(Duration());
        var writers = Enumerable.Range(0, 2).Select(i => new Thread(() => Write(i, stop.Token))).ToList();
        writers.ForEach(w => w.Start());
        var snapshots = new List<Snapshot>();
        while (!stop.IsCancellationRequested)
        {
            snapshots.Add(repository.BackUp(folder["bank.db"]));
            stop.Token.WaitHandle.WaitOne(300);
        }

        writers.ForEach(w => w.Join());
        foreach (var snapshot in snapshots)
        {
            var test = repository.Prove(
                snapshot,
                VerificationLevel.Restore,
                $"SELECT sum(balance) = {Accounts * 100} AND count(*) = {Accounts} FROM accounts",
                "SELECT (SELECT count(*) FROM log) = (SELECT coalesce(max(id), 0) FROM log)");
            Assert.True(test.Passed, string.Join('\n', test.Findings));
        }

        var transfers = snapshots[^1].Tables.Single(t => t.Name == "log").Rows;
        Assert.InRange(transfers, 10, long.MaxValue);
        output.WriteLine($"{journalMode}: {snapshots.Count} snapshots beside {transfers} transfers, all balanced");
    }

    /// <summary>
    /// Several processes at once write, change journal mode and page size, vacuum, checkpoint and replace the file. A backup may
    /// say that it got no state; one that says it did has a whole one.
    /// </summary>
    [Fact]
    public void No_snapshot_is_torn_whatever_is_done_to_the_file()
    {
        using (var connection = SqliteConnections.OpenAlone(folder["bank.db"], create: true))
        {
            connection.Execute("CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INT, note BLOB); CREATE TABLE log(id INTEGER PRIMARY KEY, amount INT); CREATE TABLE ballast(id INTEGER PRIMARY KEY, x BLOB); CREATE TABLE replaced(times INT); INSERT INTO replaced VALUES (0)");
            connection.Execute(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO accounts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Accounts}) SELECT i, 100, randomblob(1500) FROM n"));
        }

        string[] roles = ["soak-transfer", "soak-transfer", "soak-switch", "soak-switch", "soak-replace"];
        var processes = roles.Select((role, i) => Faults.Host.Begin(role, folder.Path, i)).ToList();
        var (whole, refused) = (new List<Snapshot>(), new Dictionary<ErrorCode, int>());
        using var repository = Repositories.New(folder);
        try
        {
            var end = DateTime.UtcNow + Duration() + TimeSpan.FromSeconds(10);
            while (DateTime.UtcNow < end)
            {
                Assert.All(processes, p => Assert.False(p.HasExited, "A writer ended by itself."));
                try
                {
                    var snapshot = repository.BackUp(folder["bank.db"]);
                    var test = repository.Prove(snapshot, VerificationLevel.Restore, $"SELECT sum(balance) = {Accounts * 100} AND count(*) = {Accounts} FROM accounts");
                    Assert.True(test.Passed, string.Join('\n', test.Findings));
                    whole.Add(snapshot);
                }
                catch (MaintenanceException e) when (e.Code is ErrorCode.SourceChanged or ErrorCode.DatabaseBusy or ErrorCode.PathNotFound or ErrorCode.DatabaseEmpty)
                {
                    refused[e.Code] = refused.GetValueOrDefault(e.Code) + 1;
                }
            }
        }
        finally
        {
            File.WriteAllText(folder["stop"], "");
            processes.ForEach(p => p.WaitForExit());
        }

        using var live = SampleDatabase.AsApplication(folder["bank.db"]);
        Assert.Equal("ok", live.Scalar<string>("PRAGMA integrity_check"));
        Assert.Equal(Accounts * 100, live.Scalar<long>("SELECT sum(balance) FROM accounts"));
        Assert.NotEmpty(whole);
        output.WriteLine($"{whole.Count} snapshots whole in modes {string.Join(", ", whole.CountBy(s => s.State))}; refused: {string.Join(", ", refused)}; {live.Scalar<long>("SELECT times FROM replaced")} replacements, {live.Scalar<long>("SELECT count(*) FROM log")} transfers");
    }

    private void Write(int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        using var connection = SqliteConnections.OpenBeside(folder["bank.db"]);
        connection.Execute("PRAGMA synchronous = OFF");
        while (!stop.IsCancellationRequested)
        {
            var (from, to, amount) = (random.Next(Accounts) + 1, random.Next(Accounts) + 1, random.Next(50));
            Transfer(connection, from, to, amount);
            if (random.Next(200) == 0)
            {
                connection.Execute("PRAGMA wal_checkpoint(PASSIVE)");
            }
        }
    }

    private static void Transfer(SqliteConnection connection, int from, int to, int amount)
    {
        try
        {
            connection.Execute(string.Create(
                CultureInfo.InvariantCulture,
                $"BEGIN IMMEDIATE; UPDATE accounts SET balance = balance - {amount}, note = hex(randomblob(100)) WHERE id = {from}; UPDATE accounts SET balance = balance + {amount} WHERE id = {to}; INSERT INTO log(amount) VALUES ({amount}); COMMIT"));
        }
        catch (SqliteException e) when (SqliteNative.IsLock(e))
        {
            // Without a log two writers at full speed can starve each other for longer than any time-out.
            if (SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle) == 0)
            {
                connection.Execute("ROLLBACK");
            }
        }
    }

    private static TimeSpan Duration() =>
        TimeSpan.FromSeconds(int.TryParse(Environment.GetEnvironmentVariable("MAINTENANCEOPS_SOAK_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 10);
}
