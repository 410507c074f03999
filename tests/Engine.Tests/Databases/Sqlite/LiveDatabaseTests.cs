using System.Globalization;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>What SQLite does to its files while somebody reads them.</summary>
public sealed class LiveDatabaseTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void Snapshots_beside_a_vacuum_are_whole(string journalMode)
    {
        SampleDatabase.Create(folder["app.db"], 4000, 4096, journalMode);
        using var repository = Repositories.New(folder);
        using var stop = new CancellationTokenSource();
        var vacuums = 0;
        var vacuuming = new Thread(() =>
        {
            using var writer = SqliteConnections.OpenBeside(folder["app.db"]);
            writer.Execute("PRAGMA synchronous = OFF");
            while (!stop.IsCancellationRequested)
            {
                // Every page gets another place, and the file another size, with no row changed.
                writer.Execute(vacuums % 2 == 0 ? "CREATE TABLE ballast AS SELECT randomblob(200000) FROM users" : "DROP TABLE ballast");
                writer.Execute("VACUUM");
                vacuums++;
            }
        });
        vacuuming.Start();
        var snapshots = new List<Snapshot>();
        while (snapshots.Count < 12 || (vacuums < 6 && snapshots.Count < 200))
        {
            snapshots.Add(repository.BackUp(folder["app.db"]));
        }

        stop.Cancel();
        vacuuming.Join();
        Assert.InRange(vacuums, 6, int.MaxValue);
        foreach (var snapshot in snapshots)
        {
            Assert.Equal(4000, snapshot.Tables.Single(t => t.Name == "notes").Rows);
            var test = repository.Prove(snapshot, VerificationLevel.Restore, "SELECT sum(length(embedding)) = 4000 * 300 FROM notes");
            Assert.True(test.Passed, string.Join('\n', test.Findings));
        }
    }

    [Fact]
    public void Frames_from_before_a_reset_of_the_log_are_not_taken()
    {
        SampleDatabase.Create(folder["app.db"], 2000);
        using var repository = Repositories.New(folder);
        using var writer = SqliteConnections.OpenBeside(folder["app.db"]);
        writer.Execute("PRAGMA wal_autocheckpoint = 0; UPDATE notes SET body = 'old ' || id");
        var longLog = new FileInfo(folder["app.db-wal"]).Length;

        // All of the log is in the database now, so the next writer begins it anew: behind its frames lie old ones.
        writer.Execute("PRAGMA wal_checkpoint(RESTART); UPDATE notes SET body = 'new' WHERE id = 7");
        Assert.Equal(longLog, new FileInfo(folder["app.db-wal"]).Length);
        var afterReset = repository.BackUp(folder["app.db"]);
        repository.Restore(afterReset, folder["reset.db"]);
        Assert.Equal(SampleDatabase.Fingerprint(folder["app.db"]), SampleDatabase.Fingerprint(folder["reset.db"]));

        // A log that was begun anew and is as long as before is not the same state.
        writer.Execute("UPDATE notes SET body = 'OLD ' || id");
        var later = repository.BackUp(folder["app.db"]);
        repository.Restore(later, folder["later.db"]);
        Assert.Equal(SampleDatabase.Fingerprint(folder["app.db"]), SampleDatabase.Fingerprint(folder["later.db"]));
        Assert.NotEqual(afterReset.ContentHash, later.ContentHash);
    }

    [Fact]
    public void A_checkpoint_during_the_backup_changes_nothing_in_it()
    {
        SampleDatabase.Create(folder["app.db"], 3000);
        using var repository = Repositories.New(folder);
        using var writer = SqliteConnections.OpenBeside(folder["app.db"]);
        writer.Execute("PRAGMA wal_autocheckpoint = 0; UPDATE notes SET body = 'in the log ' || id");
        var expected = SampleDatabase.Fingerprint(folder["app.db"]);
        var disturbed = 0;
        var sink = new DisturbingSink(() =>
        {
            if (disturbed++ == 0)
            {
                writer.Execute("UPDATE notes SET body = 'too late ' || id; PRAGMA wal_checkpoint(PASSIVE)");
            }
        });
        var snapshot = new SqliteBackup(repository, sink).Run(folder["app.db"], new BackupOptions { Source = "app/main" });
        Assert.InRange(disturbed, 1, int.MaxValue);
        repository.Restore(snapshot, folder["out.db"]);
        Assert.Equal(expected, SampleDatabase.Fingerprint(folder["out.db"]));
    }

    [Fact]
    public void A_database_past_one_gibibyte_comes_back()
    {
        // The page at that offset is the one that SQLite locks and never writes.
        const int Megabytes = 1100;
        using (var writer = SqliteConnections.OpenAlone(folder["app.db"], create: true))
        {
            writer.Execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; CREATE TABLE blobs(id INTEGER PRIMARY KEY, content BLOB)");
            writer.Execute(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO blobs WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Megabytes}) SELECT i, CAST(randomblob(20) || zeroblob(1000000) AS BLOB) FROM n"));
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.InRange(snapshot.Size, 1L << 30, long.MaxValue);
        var test = repository.Prove(snapshot, VerificationLevel.Restore, $"SELECT count(*) = {Megabytes} FROM blobs");
        Assert.True(test.Passed, string.Join('\n', test.Findings));
    }

    /// <summary>Does something in the middle of the reading.</summary>
    private sealed class DisturbingSink(Action disturb) : IOperationSink
    {
        public void Progress(string activity, long done, long total, string? unit = null) => disturb();

        public void Warn(string message)
        {
        }

        public void Inform(string message)
        {
        }
    }
}
