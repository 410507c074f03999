using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>What may happen to the files of a database while it is read: the snapshot is a state that it had, or there is none.</summary>
public sealed class HotReadTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void A_database_that_is_replaced_meanwhile_is_read_again(string journalMode)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // An open file cannot be replaced there.
        }

        SampleDatabase.Create(folder["app.db"], 3000, 4096, journalMode);
        SampleDatabase.Create(folder["new.db"], 4000, 1024, "delete");
        var replaced = 0;
        var snapshot = BackUp(() =>
        {
            if (replaced++ == 0)
            {
                Replace(folder["new.db"]);
            }
        });
        using var repository = Repository.Open(folder["repository"]);
        repository.Restore(snapshot, folder["out.db"]);
        Assert.Equal(SampleDatabase.Fingerprint(folder["app.db"]), SampleDatabase.Fingerprint(folder["out.db"]));
        Assert.Equal(SnapshotState.Checked, snapshot.State);
    }

    [Fact]
    public void A_database_that_is_replaced_all_the_time_is_an_error_and_no_snapshot()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        SampleDatabase.Create(folder["app.db"], 500, 4096, "delete");
        var error = Assert.Throws<MaintenanceException>(() => BackUp(() =>
        {
            File.Copy(folder["app.db"], folder["copy.db"], overwrite: true);
            Replace(folder["copy.db"]);
        }));
        Assert.Equal(ErrorCode.SourceChanged, error.Code);
        Assert.Equal(folder["app.db"], error.Target);
        using var repository = Repository.Open(folder["repository"]);
        Assert.Empty(new SnapshotCatalog(repository).List());
        Assert.Empty(repository.Store.List("leases/"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_log_of_a_database_that_was_put_in_the_place_stays(bool logFirst)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // The last connection to a database removes the log by its name, which is another database's by then.
        SampleDatabase.Create(folder["app.db"], 3000);
        SampleDatabase.Create(folder["new.db"], 1000);
        var writer = default(Microsoft.Data.Sqlite.SqliteConnection);
        try
        {
            _ = BackUp(() =>
            {
                if (writer is null)
                {
                    RemoveLogs(logFirst);
                    File.Move(folder["new.db"], folder["app.db"], overwrite: true);
                    RemoveLogs(!logFirst);
                    writer = SampleDatabase.AsApplication(folder["app.db"]);
                    writer.Execute("PRAGMA wal_autocheckpoint = 0; INSERT INTO users(name) VALUES ('only in the log')");
                }
            });
            Assert.True(new FileInfo(folder["app.db-wal"]).Length > 0);
            using var other = SampleDatabase.AsApplication(folder["app.db"]);
            Assert.Equal(1, other.Scalar<long>("SELECT count(*) FROM users WHERE name = 'only in the log'"));
            Assert.Equal("ok", other.Scalar<string>("PRAGMA integrity_check"));
        }
        finally
        {
            writer?.Dispose();
        }
    }

    [Theory]
    [InlineData("abcd")]
    [InlineData("\\0\\0\\0\\0")]
    public void Bytes_written_past_the_lock_are_noticed(string userVersion)
    {
        // The second time the bytes are the ones that were there: a write all the same.
        SampleDatabase.Create(folder["app.db"], 3000, 4096, "delete");
        var written = false;
        var told = new List<string>();
        var snapshot = BackUp(
            () =>
            {
                if (!written)
                {
                    written = true;
                    Thread.Sleep(20);
                    Overwrite(60, userVersion);
                }
            },
            told);
        Assert.Contains(told, t => t.Contains("without heeding", StringComparison.Ordinal));
        using var repository = Repository.Open(folder["repository"]);
        repository.Restore(snapshot, folder["out.db"]);
        Assert.Equal(File.ReadAllBytes(folder["app.db"]), File.ReadAllBytes(folder["out.db"]));
    }

    [Fact]
    public void A_file_that_is_cut_short_meanwhile_is_no_snapshot()
    {
        SampleDatabase.Create(folder["app.db"], 3000, 4096, "delete");
        var cut = false;
        var error = Assert.Throws<MaintenanceException>(() => BackUp(() =>
        {
            if (!cut)
            {
                cut = true;
                Thread.Sleep(20);
                Cut(20 * 4096);
            }
        }));
        Assert.Contains(error.Code, (ErrorCode[])[ErrorCode.SourceChanged, ErrorCode.DatabaseCorrupt]);
    }

    [Fact]
    public void A_log_that_is_removed_under_a_reader_is_noticed()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        SampleDatabase.Create(folder["app.db"], 3000);
        using var writer = SampleDatabase.AsApplication(folder["app.db"]);
        writer.Execute("PRAGMA wal_autocheckpoint = 0; UPDATE notes SET body = 'in the log ' || id");
        var told = new List<string>();
        var removed = false;
        try
        {
            BackUp(
                () =>
                {
                    if (!removed)
                    {
                        removed = true;
                        RemoveLogs(really: true);
                    }
                },
                told);
        }
        catch (MaintenanceException e)
        {
            Assert.Contains(e.Code, (ErrorCode[])[ErrorCode.SourceChanged, ErrorCode.DatabaseCorrupt, ErrorCode.DatabaseBusy]);
        }

        Assert.Contains(told, t => t.Contains("log was replaced or removed", StringComparison.Ordinal));
    }

    [Fact]
    public void A_link_that_leads_elsewhere_meanwhile_is_read_again()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        SampleDatabase.Create(folder["one.db"], 3000);
        SampleDatabase.Create(folder["two.db"], 200);
        File.CreateSymbolicLink(folder["app.db"], folder["one.db"]);
        var moved = false;
        var snapshot = BackUp(() =>
        {
            if (!moved)
            {
                moved = true;
                File.Delete(folder["app.db"]);
                File.CreateSymbolicLink(folder["app.db"], folder["two.db"]);
            }
        });
        Assert.Equal(200, snapshot.Tables.Single(t => t.Name == "notes").Rows);
    }

    [Fact]
    public void Content_that_nobody_checked_is_checked_though_nothing_was_written_since()
    {
        SampleDatabase.Create(folder["app.db"], 100, 4096, "delete");
        File.SetLastWriteTimeUtc(folder["app.db"], DateTime.UtcNow.AddHours(-1));
        using var repository = Repositories.New(folder);
        var backup = new SqliteBackup(repository, SilentSink.Instance);
        Assert.Equal(SnapshotState.Written, backup.Run(folder["app.db"], new BackupOptions { Source = "a", SkipVerify = true }).State);
        Assert.Equal(SnapshotState.Checked, backup.Run(folder["app.db"], new BackupOptions { Source = "a" }).State);
        var third = backup.Run(folder["app.db"], new BackupOptions { Source = "a" });
        Assert.Equal(SnapshotState.Checked, third.State);
        Assert.Equal(0, third.StoredSize);
    }

    [Fact]
    public void A_file_with_the_times_of_the_one_before_is_not_taken_for_it()
    {
        SampleDatabase.Create(folder["app.db"], 100, 4096, "delete");
        File.Copy(folder["app.db"], folder["other.db"]);
        var old = DateTime.UtcNow.AddHours(-1);
        SampleDatabase.Change(folder["other.db"], "UPDATE users SET name = 'X' WHERE id = 1");
        File.SetLastWriteTimeUtc(folder["app.db"], old);
        using var repository = Repositories.New(folder);
        var first = repository.BackUp(folder["app.db"]);
        File.Move(folder["other.db"], folder["app.db"], overwrite: true);
        File.SetLastWriteTimeUtc(folder["app.db"], old);
        Assert.NotEqual(first.ContentHash, repository.BackUp(folder["app.db"]).ContentHash);
    }

    [Fact]
    public void A_full_test_lets_sqlite_look_at_the_content()
    {
        SampleDatabase.Create(folder["app.db"], 2000, 4096, "delete");
        Overwrite(40 * 4096, "written past all locks");
        using var repository = Repositories.New(folder);
        var taken = new SqliteBackup(repository, SilentSink.Instance).Run(folder["app.db"], new BackupOptions { Source = "a", SkipVerify = true });
        Assert.True(repository.Prove(taken, VerificationLevel.Quick).Passed);
        var test = repository.Prove(taken, VerificationLevel.Full);
        Assert.True(test.Damaged);
        Assert.Contains(test.Findings, f => f.Rule == "IntegrityCheckFailed");
    }

    [Fact]
    public void A_block_that_reads_differently_is_witnessed()
    {
        var witness = new PageWitness(10_000, 4096);
        var bytes = new byte[8192];
        new Random(7).NextBytes(bytes);
        Assert.True(witness.Attest(0, bytes));
        Assert.True(witness.Attest(4096, bytes.AsSpan(4096)));
        Assert.Equal(-1, witness.Torn);
        bytes[8191] ^= 1;
        Assert.True(witness.Attest(0, bytes.AsSpan(0, 4096)));
        Assert.False(witness.Attest(4096, bytes.AsSpan(4096)));
        Assert.Equal(4096, witness.Torn);
        Assert.True(witness.Attest(8192, bytes.AsSpan(0, 10_000 - 8192)));
    }

    private Snapshot BackUp(Action disturb, List<string>? told = null)
    {
        using var repository = Repositories.New(folder);
        return new SqliteBackup(repository, new Disturbing(disturb, told)).Run(folder["app.db"], new BackupOptions { Source = "app/main" });
    }

    private void Replace(string with)
    {
        RemoveLogs(really: true);
        File.Move(with, folder["app.db"], overwrite: true);
    }

    private void RemoveLogs(bool really)
    {
        if (really)
        {
            File.Delete(folder["app.db-wal"]);
            File.Delete(folder["app.db-shm"]);
        }
    }

    /// <summary>Writes as a program that knows nothing of SQLite. In this process, closing the file would drop the reader's locks.</summary>
    private void Overwrite(long offset, string content) =>
        Shell($"printf '{content}' | dd of='{folder["app.db"]}' bs=1 seek={offset} conv=notrunc status=none");

    private void Cut(long length) => Shell($"truncate -s {length} '{folder["app.db"]}'");

    private static void Shell(string command)
    {
        using var process = System.Diagnostics.Process.Start("sh", ["-c", command]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>Does something whenever progress is told, which is in the middle of the reading.</summary>
    private sealed class Disturbing(Action disturb, List<string>? told) : IOperationSink
    {
        public void Progress(string activity, long done, long total, string? unit = null) => disturb();

        public void Warn(string message) => told?.Add(message);

        public void Inform(string message) => told?.Add(message);
    }
}
