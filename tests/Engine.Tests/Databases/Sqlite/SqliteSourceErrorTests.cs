using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>A source that cannot be taken is a clear error and never a snapshot.</summary>
public sealed class SqliteSourceErrorTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Missing_file() => Refused(folder["nothing.db"], ErrorCode.PathNotFound);

    [Fact]
    public void Folder() => Refused(Directory.CreateDirectory(folder["data"]).FullName, ErrorCode.NotADatabase);

    [Fact]
    public void Empty_file()
    {
        File.WriteAllBytes(folder["app.db"], []);
        Refused(folder["app.db"], ErrorCode.DatabaseEmpty);
    }

    [Fact]
    public void No_database()
    {
        File.WriteAllText(folder["app.db"], string.Concat(Enumerable.Repeat("This is a text and no database. ", 400)));
        Refused(folder["app.db"], ErrorCode.NotADatabase);
    }

    [Fact]
    public void Encrypted_database()
    {
        // What SQLCipher writes is indistinguishable from random bytes, the first page included.
        var bytes = new byte[16384];
        new Random(1).NextBytes(bytes);
        File.WriteAllBytes(folder["app.db"], bytes);
        Assert.Contains("SQLCipher", Refused(folder["app.db"], ErrorCode.NotADatabase).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Corrupt_database()
    {
        SampleDatabase.Create(folder["app.db"], 2000, 4096, "delete");
        using (var file = File.OpenWrite(folder["app.db"]))
        {
            file.Position = 40 * 4096;
            file.Write(new byte[20 * 4096]);
        }

        Assert.Contains("-SkipVerify", Refused(folder["app.db"], ErrorCode.DatabaseCorrupt).Message, StringComparison.Ordinal);

        // For salvage it can be taken as it is; then it counts as not verified.
        using var repository = Repository.Open(folder["repository"]);
        var taken = new SqliteBackup(repository, SilentSink.Instance).Run(folder["app.db"], new BackupOptions { Source = "app/main", SkipVerify = true });
        Assert.Equal(VerificationLevel.None, taken.Verified);
    }

    [Theory]
    [InlineData("delete")]
    [InlineData("wal")]
    public void Locked_database(string journalMode)
    {
        SampleDatabase.Create(folder["app.db"], 10, 4096, journalMode);
        using var other = SqliteConnections.OpenBeside(folder["app.db"]);
        other.Execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM notes");
        var watch = Stopwatch.StartNew();
        Refused(folder["app.db"], ErrorCode.DatabaseBusy);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.5, 10);
    }

    [Fact]
    public void Waiting_for_a_lock_ends_when_it_is_cancelled()
    {
        SampleDatabase.Create(folder["app.db"], 10, 4096, "delete");
        using var other = SqliteConnections.OpenBeside(folder["app.db"]);
        other.Execute("BEGIN EXCLUSIVE");
        using var repository = Repositories.New(folder);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var watch = Stopwatch.StartNew();
        Assert.Throws<OperationCanceledException>(() => new SqliteBackup(repository, SilentSink.Instance).Run(
            folder["app.db"], new BackupOptions { Source = "app/main", LockTimeout = TimeSpan.FromMinutes(5) }, stop.Token));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.5, 10);
        Assert.Empty(repository.Store.List("leases/"));
    }

    [UnprivilegedFact]
    public void Database_that_the_user_may_not_read()
    {
        SampleDatabase.Create(folder["app.db"]);
#pragma warning disable CA1416 // The attribute leaves Windows out.
        File.SetUnixFileMode(folder["app.db"], UnixFileMode.None);
#pragma warning restore CA1416
        Refused(folder["app.db"], ErrorCode.AccessDenied);
    }

    [Fact]
    public void A_hot_journal_is_rolled_back_and_not_taken()
    {
        SampleDatabase.Create(folder["app.db"], 2000, 4096, "delete");
        var before = SampleDatabase.Fingerprint(folder["app.db"]);
        using (var writer = SqliteConnections.OpenAlone(folder["app.db"]))
        {
            // A tiny cache makes SQLite spill changed pages into the file before the commit.
            writer.Execute("PRAGMA cache_size = 5; BEGIN; UPDATE notes SET body = 'half done'");
            File.Copy(folder["app.db"], folder["crashed.db"]);
            File.Copy(folder["app.db-journal"], folder["crashed.db-journal"]);
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["crashed.db"]);
        repository.Restore(snapshot, folder["out.db"]);
        Assert.Equal(before, SampleDatabase.Fingerprint(folder["out.db"]));
    }

    private MaintenanceException Refused(string path, ErrorCode code)
    {
        using var repository = Repositories.New(folder);
        var error = Assert.Throws<MaintenanceException>(() => new SqliteBackup(repository, SilentSink.Instance).Run(
            path, new BackupOptions { Source = "app/main", LockTimeout = TimeSpan.FromSeconds(1) }));
        Assert.Equal(code, error.Code);
        Assert.Equal(Path.GetFullPath(path), error.Target);
        Assert.Empty(new SnapshotCatalog(repository).List());
        Assert.Empty(repository.Store.List("leases/"));
        return error;
    }
}
