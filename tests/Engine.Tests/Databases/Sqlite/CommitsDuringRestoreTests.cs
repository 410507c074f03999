using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>What others commit while a database is replaced is in the safety snapshot, or still in the database.</summary>
public sealed class CommitsDuringRestoreTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    [InlineData("persist")]
    public void A_commit_after_the_safety_snapshot_is_in_another_one(string mode)
    {
        using var repository = Repositories.New(folder);
        var good = Sample(repository, mode);
        var sink = CallbackSink.Once("Restoring", () => SampleDatabase.Change(folder["app.db"], "INSERT INTO users(id, name) VALUES (1000, 'meanwhile')"));
        var result = new SnapshotRestore(repository, sink).Run(good, new RestoreOptions { InPlace = true });

        Assert.Equal(500, Count(folder["app.db"], "notes"));
        Assert.Equal(20, Count(folder["app.db"], "users"));
        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["safety.db"]);
        Assert.Equal(21, Count(folder["safety.db"], "users"));
        Assert.Equal(0, Count(folder["safety.db"], "notes"));
    }

    [Fact]
    public void Without_a_commit_there_is_one_safety_snapshot()
    {
        using var repository = Repositories.New(folder);
        var good = Sample(repository, "wal");
        repository.RestoreInPlace(good);
        Assert.Single(new SnapshotCatalog(repository).List(), s => s.Source.EndsWith("@before-restore", StringComparison.Ordinal));
    }

    [Fact]
    public void A_reader_that_does_not_end_leaves_the_old_state_with_its_log()
    {
        using var repository = Repositories.New(folder);
        var good = Sample(repository, "wal");
        using var reader = SqliteConnections.OpenBeside(folder["app.db"]);
        reader.Execute("BEGIN");
        Assert.Equal(20, reader.Scalar<long>("SELECT count(*) FROM users"));
        SampleDatabase.Change(folder["app.db"], "INSERT INTO users(id, name) VALUES (1000, 'in the log')");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(4));

        Assert.Throws<OperationCanceledException>(() => new SnapshotRestore(repository, SilentSink.Instance).Run(good, new RestoreOptions { InPlace = true, Force = true }, patience.Token));
        reader.Execute("COMMIT");
        Assert.Equal(21, Count(folder["app.db"], "users"));
        Assert.Equal(0, Count(folder["app.db"], "notes"));
        Assert.DoesNotContain(Directory.GetFiles(folder.Path, "*", new EnumerationOptions { AttributesToSkip = 0 }), f => f.Contains("mops-restore", StringComparison.Ordinal));
    }

    [Fact]
    public void Nobody_commits_to_the_old_file_while_it_is_swapped_and_the_new_log_stays()
    {
        Sample(null, "wal");
        SampleDatabase.Create(folder["new.db"], 3);
        using (var watch = CommitWatch.On(folder["app.db"], CancellationToken.None))
        {
            watch.HoldWriters(CancellationToken.None);
            Assert.Equal(0, new FileInfo(folder["app.db-wal"]).Length);
            using var late = SqliteConnections.OpenBeside(folder["app.db"], TimeSpan.FromSeconds(1));
            late.DefaultTimeout = 1;
            Assert.ThrowsAny<Exception>(() => late.Execute("DELETE FROM users"));
            foreach (var log in new[] { "-wal", "-shm" })
            {
                File.Delete(folder["app.db" + log]);
            }

            File.Move(folder["new.db"], folder["app.db"], overwrite: true);
            using var application = SqliteConnections.OpenBeside(folder["app.db"]);
            application.Execute("PRAGMA wal_autocheckpoint = 0; DELETE FROM notes");
            watch.Dispose();
            Assert.True(new FileInfo(folder["app.db-wal"]).Length > 0);
            Assert.Equal(0, application.Scalar<long>("SELECT count(*) FROM notes"));
        }

        Assert.Equal(0, Count(folder["app.db"], "notes"));
    }

    [Fact]
    public void A_failed_step_of_an_undo_does_not_end_it()
    {
        var done = new List<int>();
        var undo = new UndoList();
        undo.Add("do the first", () => done.Add(1));
        undo.Add("do the second", () => throw new IOException("no"));
        undo.Add("do the third", () => done.Add(3));
        undo.Add("do the fourth", () => throw new UnauthorizedAccessException("never"));

        Assert.Equal(["could not do the fourth: never", "could not do the second: no"], undo.Run());
        Assert.Equal([3, 1], done);
    }

    [Fact]
    public void A_file_that_appears_meanwhile_is_not_replaced()
    {
        using var repository = Repositories.New(folder);
        var good = Sample(repository, "wal");
        var sink = CallbackSink.Once("Restoring", () => File.WriteAllText(folder["out.db"], "somebody's"));
        var error = Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, sink).Run(good, new RestoreOptions { Destination = folder["out.db"] }));

        Assert.Equal(ErrorCode.DestinationInUse, error.Code);
        Assert.Equal("somebody's", File.ReadAllText(folder["out.db"]));
    }

    [Fact]
    public void A_deleted_database_comes_back_with_its_mode_and_owner()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var repository = Repositories.New(folder);
        SampleDatabase.Create(folder["app.db"], 10);
        var own = TreeAccess.Current.Facts(folder["app.db"])!.Value;
        var (user, group) = Environment.IsPrivilegedProcess ? (12345L, 54321L) : (own.User, own.Group);
        FileOwner.Give(folder["app.db"], ((int)user, (int)group));
        File.SetUnixFileMode(folder["app.db"], (UnixFileMode)0x1b0);
        var good = repository.BackUp(folder["app.db"]);
        File.Delete(folder["app.db"]);
        repository.RestoreInPlace(good);
        repository.Restore(good, folder["copy.db"]);

        var back = TreeAccess.Current.Facts(folder["app.db"])!.Value;
        Assert.Equal((0x1b0, user, group), (back.Mode, back.User, back.Group));
        var copy = TreeAccess.Current.Facts(folder["copy.db"])!.Value;
        Assert.Equal((0x180, own.User), (copy.Mode, copy.User));

        // A changed mode is written down though the content is the same.
        File.SetLastWriteTimeUtc(folder["app.db"], DateTime.UtcNow.AddMinutes(-1));
        repository.BackUp(folder["app.db"]);
        File.SetUnixFileMode(folder["app.db"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        File.SetLastWriteTimeUtc(folder["app.db"], DateTime.UtcNow.AddMinutes(-1));
        var again = repository.BackUp(folder["app.db"]);
        File.Delete(folder["app.db"]);
        repository.RestoreInPlace(again);
        Assert.Equal(0x184, TreeAccess.Current.Facts(folder["app.db"])!.Value.Mode);
    }

    [Fact]
    public void In_place_goes_nowhere_else()
    {
        using var repository = Repositories.New(folder);
        var good = Sample(repository, "wal");
        File.Delete(folder["app.db"]);
        Directory.CreateDirectory(folder["app.db"]);
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(good, force: true)).Code);
        Assert.Empty(Directory.GetFileSystemEntries(folder["app.db"]));
        foreach (var foreign in new[]
        {
            new RestoreOptions { InPlace = true, ConnectionString = "postgresql://server/app" },
            new RestoreOptions { InPlace = true, Database = "app" },
            new RestoreOptions { InPlace = true, Schema = "public" },
            new RestoreOptions { InPlace = true, As = "other" },
        })
        {
            Assert.Equal(ErrorCode.SnapshotKindMismatch, Assert.Throws<MaintenanceException>(() => repository.Restore(good, foreign)).Code);
        }
    }

    private Snapshot Sample(Repository? repository, string mode)
    {
        SampleDatabase.Create(folder["app.db"], 500, 4096, mode);
        var good = repository?.BackUp(folder["app.db"])!;
        SampleDatabase.Change(folder["app.db"], "DELETE FROM notes");
        return good;
    }

    private static long Count(string path, string table)
    {
        using var connection = SqliteConnections.OpenBeside(path);
        return connection.Scalar<long>($"SELECT count(*) FROM {table}");
    }
}
