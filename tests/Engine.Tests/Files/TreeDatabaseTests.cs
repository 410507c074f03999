using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>SQLite databases inside a tree: what could not be read as one is told, and a full test opens the others.</summary>
public sealed class TreeDatabaseTests : IDisposable
{
    private readonly TestFolder folder = new();

    public TreeDatabaseTests() => Directory.CreateDirectory(folder["tree"]);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_database_that_a_lock_kept_us_out_of_is_missing_until_it_is_read()
    {
        SampleDatabase.Create(folder["tree/app.db"], 100, 4096, "delete");
        using var repository = Repositories.New(folder);
        using (var application = SampleDatabase.AsApplication(folder["tree/app.db"]))
        {
            application.Execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE users SET name = 'x'");

            // The second one must not take the file for unchanged.
            for (var i = 0; i < 2; i++)
            {
                var snapshot = BackUp(repository);
                Assert.Equal(SnapshotState.Incomplete, snapshot.State);
                Assert.Equal(["app.db"], snapshot.Missing);
                Assert.Contains(snapshot.Warnings, w => w.Contains("locked", StringComparison.Ordinal) && w.Contains("torn", StringComparison.Ordinal));
            }
        }

        var whole = BackUp(repository);
        Assert.Equal(SnapshotState.Written, whole.State);
        Assert.Empty(whole.Warnings);
    }

    [Fact]
    public void What_only_looks_like_a_database_is_taken_as_it_is_and_said_so_each_time()
    {
        File.WriteAllBytes(folder["tree/fixture.db"], [.. "SQLite format 3\0"u8, .. new byte[500]]);
        using var repository = Repositories.New(folder);
        for (var i = 0; i < 2; i++)
        {
            var snapshot = BackUp(repository);
            Assert.Equal(SnapshotState.Written, snapshot.State);
            Assert.Contains("fixture.db", Assert.Single(snapshot.Unchecked), StringComparison.Ordinal);
            Assert.True(repository.Prove(snapshot, VerificationLevel.Full).Passed);
            Assert.Equal(SnapshotState.PartlyChecked, new SnapshotCatalog(repository).Find(snapshot.Id).State);
            Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
        }
    }

    [Fact]
    public void A_full_test_has_SQLite_look_at_the_databases()
    {
        SampleDatabase.Create(folder["tree/good.db"], 100);
        SampleDatabase.Create(folder["tree/bad.db"], 500, 4096, "delete");
        using (var file = File.OpenWrite(folder["tree/bad.db"]))
        {
            file.Position = 30 * 4096;
            file.Write(Enumerable.Repeat((byte)0xee, 4096).ToArray());
        }

        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository);
        var test = repository.Prove(snapshot, VerificationLevel.Full);
        Assert.False(test.Passed);
        Assert.Contains("bad.db", Assert.Single(test.Findings, f => f.Severity == FindingSeverity.Error).Message, StringComparison.Ordinal);

        File.Delete(folder["tree/bad.db"]);
        Assert.True(repository.Prove(BackUp(repository), VerificationLevel.Full).Passed);
    }

    [Fact]
    public void A_database_that_is_lost_stays_missing_until_it_is_one_again_or_is_left_out_once()
    {
        SampleDatabase.Create(folder["tree/app.db"], 100, 4096, "delete");
        File.WriteAllText(folder["tree/other"], "x");
        var good = File.ReadAllBytes(folder["tree/app.db"]);
        using var repository = Repositories.New(folder);
        Assert.Equal(SnapshotState.Written, BackUp(repository).State);
        foreach (var lost in new[] { "", "text", new string('\0', 8192) })
        {
            File.WriteAllText(folder["tree/app.db"], lost);
            File.SetLastWriteTimeUtc(folder["tree/app.db"], DateTime.UtcNow.AddDays(-1));
            for (var i = 0; i < 3; i++)
            {
                var snapshot = BackUp(repository);
                Assert.Equal((SnapshotState.Incomplete, "app.db"), (snapshot.State, Assert.Single(snapshot.Missing)));
            }
        }

        File.WriteAllBytes(folder["tree/app.db"], good);
        Assert.Equal(SnapshotState.Written, BackUp(repository).State);
        File.WriteAllText(folder["tree/app.db"], "meant to be a text");
        Assert.Equal(SnapshotState.Incomplete, BackUp(repository).State);
        Assert.Equal(SnapshotState.Written, repository.BackUpFiles(folder["tree"], "tree", "app.db").State);
        Assert.Equal(SnapshotState.Written, BackUp(repository).State);
    }

    [Theory]
    [InlineData(300)]
    [InlineData(20_000)]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(-4095)]
    public void A_database_that_was_cut_short_is_missing(int length)
    {
        SampleDatabase.Create(folder["tree/app.db"], 300, 4096, "delete");
        using var repository = Repositories.New(folder);
        Assert.Equal(SnapshotState.Written, BackUp(repository).State);
        length += length < 0 ? (int)new FileInfo(folder["tree/app.db"]).Length : 0;
        using (var file = File.OpenWrite(folder["tree/app.db"]))
        {
            file.SetLength(length);
        }

        var snapshot = BackUp(repository);
        Assert.Equal(SnapshotState.Incomplete, snapshot.State);
        Assert.Equal(["app.db"], snapshot.Missing);
        Assert.Contains(repository.Prove(snapshot, VerificationLevel.Restore).Findings, f => f.Rule == "Incomplete");
        repository.Restore(snapshot, folder["out"]);
        Assert.Equal(length, new FileInfo(folder["out/app.db"]).Length);
    }

    [Fact]
    public void A_folder_in_the_place_of_a_database_is_refused()
    {
        SampleDatabase.Create(folder["app.db"], 10, 4096, "delete");
        using var repository = Repositories.New(folder);
        repository.BackUp(folder["app.db"], "app");
        File.Delete(folder["app.db"]);
        Directory.CreateDirectory(folder["app.db"]);
        var error = Assert.Throws<MaintenanceException>(() => new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [folder["app.db"]] }, new BackupOptions { Source = "app" }));
        Assert.Equal(ErrorCode.NotADatabase, error.Code);
    }

    [LinuxFact]
    public void Paths_that_are_too_long_in_the_scratch_folder_are_no_damage()
    {
        var name = new string('d', 200);
        var at = folder["tree"];
        while (at.Length + 300 < 4090)
        {
            at = Path.Combine(at, name);
        }

        at = Path.Combine(at, new string('e', 4080 - at.Length - 10));
        LinuxFiles.Run("mkdir", "-p", at);
        File.WriteAllText(at + "/leaf", "x");
        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository);
        Assert.Equal(SnapshotState.Written, snapshot.State);
        var test = repository.Prove(snapshot, VerificationLevel.Restore);
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Contains(test.Findings, f => f.Message.Contains("not compared", StringComparison.Ordinal));
    }

    [Fact]
    public void What_a_test_could_not_look_at_is_remembered()
    {
        SampleDatabase.Create(folder["app.db"], 100, 4096, "delete");
        using (var application = SampleDatabase.AsApplication(folder["app.db"]))
        {
            application.Execute("CREATE TABLE t(a TEXT COLLATE NOCASE PRIMARY KEY); PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'NOCASE', 'unicase') WHERE name = 't'");
        }

        using var repository = Repositories.New(folder);
        var snapshot = new SqliteBackup(repository, SilentSink.Instance).Run(folder["app.db"], new BackupOptions { Source = "app", SkipVerify = true });
        Assert.Equal(SnapshotState.Written, snapshot.State);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Full).Passed);
        var found = new SnapshotCatalog(repository).Find(snapshot.Id);
        Assert.Equal(SnapshotState.PartlyChecked, found.State);
        Assert.Contains("unicase", Assert.Single(found.Unchecked), StringComparison.Ordinal);
    }

    [FullVolumeFact]
    public void On_a_volume_for_reading_only_a_database_that_nobody_uses_is_read_without_its_log()
    {
        using var volume = new FullVolume(16);
        SampleDatabase.Create(volume["wal.db"], 100);
        SampleDatabase.Create(volume["rollback.db"], 100, 4096, "delete");
        volume.MakeReadOnly();
        using var repository = Repositories.New(folder);
        foreach (var name in new[] { "wal.db", "rollback.db" })
        {
            var snapshot = new SqliteBackup(repository, SilentSink.Instance).Run(volume[name], new BackupOptions { Source = name });
            Assert.Equal(SnapshotState.Checked, snapshot.State);
            Assert.Equal(100, snapshot.Tables.Single(t => t.Name == "notes").Rows);
            repository.Restore(snapshot, folder["out-" + name]);
            Assert.Equal(File.ReadAllBytes(volume[name]), File.ReadAllBytes(folder["out-" + name]));
        }
    }

    private Snapshot BackUp(Repository repository) => new FileBackup(repository, SilentSink.Instance)
        .Run(new FileBackupOptions { Paths = [folder["tree"]] }, new BackupOptions { Source = "tree", LockTimeout = TimeSpan.FromMilliseconds(200) });
}
