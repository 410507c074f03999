using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>Databases inside a folder come back as carefully as alone.</summary>
public sealed class RestoreDatabaseTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_log_of_the_replaced_state_goes_and_is_in_the_safety_snapshot()
    {
        Directory.CreateDirectory(folder["data"]);
        SampleDatabase.Create(folder["data/app.db"], 300, 4096, "wal");
        var old = SampleDatabase.Fingerprint(folder["data/app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        SampleDatabase.LeaveALog(folder["data/app.db"]);
        var live = SampleDatabase.FingerprintOfCopy(folder["data/app.db"]);
        Assert.NotEqual(old, live);

        var result = repository.RestoreInPlace(snapshot);
        Assert.Equal(["app.db"], Directory.EnumerateFiles(folder["data"]).Select(Path.GetFileName));
        Assert.Equal(old, SampleDatabase.Fingerprint(folder["data/app.db"]));
        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["kept"]);
        Assert.Equal(live, SampleDatabase.Fingerprint(folder["kept/app.db"]));
    }

    [Fact]
    public void A_database_that_is_replaced_by_something_else_leaves_no_log_behind()
    {
        Directory.CreateDirectory(folder["data"]);
        File.WriteAllText(folder["data/app.db"], "no database yet");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        File.Delete(folder["data/app.db"]);
        SampleDatabase.Create(folder["data/app.db"], 300, 4096, "wal");
        SampleDatabase.LeaveALog(folder["data/app.db"]);
        var live = SampleDatabase.FingerprintOfCopy(folder["data/app.db"]);
        var result = repository.RestoreInPlace(snapshot);
        Assert.Equal(["app.db"], Directory.EnumerateFiles(folder["data"]).Select(Path.GetFileName));
        Assert.Equal("no database yet", File.ReadAllText(folder["data/app.db"]));
        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["kept"]);
        Assert.Equal(live, SampleDatabase.Fingerprint(folder["kept/app.db"]));
    }

    [Fact]
    public void A_failure_brings_the_log_back_with_all_that_was_committed()
    {
        Directory.CreateDirectory(folder["data"]);
        SampleDatabase.Create(folder["data/app.db"], 300, 4096, "wal");
        File.WriteAllText(folder["data/z"], "z");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        SampleDatabase.LeaveALog(folder["data/app.db"]);
        var live = SampleDatabase.FingerprintOfCopy(folder["data/app.db"]);
        File.Delete(folder["data/z"]);
        var sink = new ActingSink(() => File.WriteAllText(folder["data/z"], "appeared"));
        Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, sink).Run(snapshot, new RestoreOptions { InPlace = true }));
        Assert.Equal(live, SampleDatabase.FingerprintOfCopy(folder["data/app.db"]));
    }

    [Theory]
    [InlineData("app.db-wal")]
    [InlineData("app.db-journal")]
    public void A_log_without_its_database_is_in_the_way(string log)
    {
        Directory.CreateDirectory(folder["data"]);
        SampleDatabase.Create(folder["data/app.db"], 300, 4096, "delete");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        Directory.CreateDirectory(folder["out"]);
        File.WriteAllText(folder["out/" + log], "what is left of another state");
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder["out"])).Code);
        var result = repository.Restore(snapshot, folder["out"], force: true);
        Assert.Equal(["app.db"], Directory.EnumerateFiles(folder["out"]).Select(Path.GetFileName));
        Assert.Equal(SampleDatabase.Fingerprint(folder["data/app.db"]), SampleDatabase.Fingerprint(folder["out/app.db"]));
        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["kept"]);
        Assert.Equal("what is left of another state", File.ReadAllText(folder["kept/" + log]));
    }

    [Fact]
    public void A_database_that_another_process_has_open_is_refused_also_by_a_dry_run()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Directory.CreateDirectory(folder["data/deep"]);
        SampleDatabase.Create(folder["data/deep/app.db"], 100, 4096, "wal");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        using (var user = System.Diagnostics.Process.Start("sh", ["-c", $"exec 3<'{folder["data/deep/app.db"]}'; exec sleep 60"]))
        {
            SpinWait.SpinUntil(() => DatabaseUsers.Of(folder["data/deep/app.db"]).Count > 0, TimeSpan.FromSeconds(20));
            foreach (var dry in new[] { true, false })
            {
                var error = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { InPlace = true, DryRun = dry }));
                Assert.Equal(ErrorCode.DestinationInUse, error.Code);
                Assert.Contains("sleep", error.Message, StringComparison.Ordinal);
            }

            user.Kill();
            user.WaitForExit();
        }

        repository.RestoreInPlace(snapshot);
    }

    [Fact]
    public void A_journal_that_a_crash_left_behind_does_not_stop_the_restore()
    {
        Directory.CreateDirectory(folder["data"]);
        SampleDatabase.Create(folder["data/app.db"], 300, 4096, "delete");
        var old = SampleDatabase.Fingerprint(folder["data/app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        SampleDatabase.Change(folder["data/app.db"], "DELETE FROM notes WHERE id < 10");
        SampleDatabase.LeaveAJournal(folder["data/app.db"]);
        Assert.True(File.Exists(folder["data/app.db-journal"]));
        var live = SampleDatabase.FingerprintOfCopy(folder["data/app.db"]);
        Assert.NotEqual(old, live);

        var result = repository.RestoreInPlace(snapshot);
        Assert.Equal(["app.db"], Directory.EnumerateFiles(folder["data"]).Select(Path.GetFileName));
        Assert.Equal(old, SampleDatabase.Fingerprint(folder["data/app.db"]));
        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["kept"]);
        Assert.Equal(live, SampleDatabase.Fingerprint(folder["kept/app.db"]));
    }

    [Theory]
    [InlineData("wal", false)]
    [InlineData("wal", true)]
    [InlineData("delete", false)]
    [InlineData("delete", true)]
    public void A_log_never_comes_to_lie_beside_another_state_of_its_database(string mode, bool isLogGone)
    {
        var log = mode == "wal" ? "app.db-wal" : "app.db-journal";
        Directory.CreateDirectory(folder["data"]);
        SampleDatabase.Create(folder["data/app.db"], 300, 4096, mode);
        Leave(mode);
        File.Move(folder["data/app.db"], folder["moved.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        if (isLogGone)
        {
            File.Delete(folder["data/" + log]);
        }

        SampleDatabase.Create(folder["data/app.db"], 200, 4096, mode);
        var live = SampleDatabase.FingerprintOfCopy(folder["data/app.db"]);

        var result = repository.RestoreInPlace(snapshot);
        Assert.Equal(live, SampleDatabase.Fingerprint(folder["data/app.db"]));
        Assert.Equal([log], result.Unrestored.Select(u => u.Name).Where(n => !n.EndsWith("-shm", StringComparison.Ordinal)));
        Assert.Equal(ErrorCode.RestoreIncomplete, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { InPlace = true, Strict = true })).Code);

        // Alone it comes back, and with the database that it was taken from it is as good as it was.
        repository.Restore(snapshot, folder["out"]);
        File.Move(folder["moved.db"], folder["out/app.db"]);
        Assert.NotEqual(live, SampleDatabase.Fingerprint(folder["out/app.db"]));

        void Leave(string mode)
        {
            if (mode == "wal")
            {
                SampleDatabase.LeaveALog(folder["data/app.db"]);
            }
            else
            {
                SampleDatabase.LeaveAJournal(folder["data/app.db"]);
            }
        }
    }

    [Fact]
    public void A_log_that_was_taken_with_its_file_takes_the_place_of_another_state_s()
    {
        // Neither is read as a database: the file does not begin like one.
        Directory.CreateDirectory(folder["data"]);
        SampleDatabase.Create(folder["data/app.db"], 100);
        SampleDatabase.LeaveALog(folder["data/app.db"]);
        File.Move(folder["data/app.db"], folder["live.db"]);
        File.WriteAllText(folder["data/app.db"], "x");
        var log = File.ReadAllBytes(folder["data/app.db-wal"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        File.Delete(folder["data/app.db"]);
        File.Delete(folder["data/app.db-wal"]);
        File.Delete(folder["data/app.db-shm"]);
        SampleDatabase.Create(folder["data/app.db"], 200);
        SampleDatabase.LeaveALog(folder["data/app.db"]);
        var live = SampleDatabase.FingerprintOfCopy(folder["data/app.db"]);

        var result = repository.RestoreInPlace(snapshot);
        Assert.Empty(result.Unrestored);
        Assert.Equal("x", File.ReadAllText(folder["data/app.db"]));
        Assert.Equal(log, File.ReadAllBytes(folder["data/app.db-wal"]));
        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["kept"]);
        Assert.Equal(live, SampleDatabase.Fingerprint(folder["kept/app.db"]));
    }

    [LinuxFact]
    public void A_link_that_is_named_like_a_log_comes_back_beside_what_is_no_database()
    {
        Directory.CreateDirectory(folder["data"]);
        File.CreateSymbolicLink(folder["data/report-journal"], "elsewhere");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        File.Delete(folder["data/report-journal"]);
        File.WriteAllText(folder["data/report"], "a text");
        Assert.Empty(repository.RestoreInPlace(snapshot).Unrestored);
        Assert.Equal("elsewhere", File.ResolveLinkTarget(folder["data/report-journal"], false)!.Name);

        File.Delete(folder["data/report-journal"]);
        File.Delete(folder["data/report"]);
        SampleDatabase.Create(folder["data/report"]);
        Assert.Equal("report-journal", Assert.Single(repository.RestoreInPlace(snapshot).Unrestored).Name);
    }

    [Fact]
    public void A_file_that_is_only_named_like_a_log_comes_back()
    {
        Directory.CreateDirectory(folder["data"]);
        File.WriteAllText(folder["data/app.db-journal"], "my diary");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        File.WriteAllText(folder["data/app.db-journal"], "another");
        SampleDatabase.Create(folder["data/app.db"]);
        Assert.Empty(repository.RestoreInPlace(snapshot).Unrestored);
        Assert.Equal("my diary", File.ReadAllText(folder["data/app.db-journal"]));
    }

    [Theory]
    [InlineData("data/deep/app.db")]
    [InlineData("data")]
    public void A_process_that_still_writes_to_what_was_deleted_is_named(string deleted)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Directory.CreateDirectory(folder["data/deep"]);
        SampleDatabase.Create(folder["data/deep/app.db"], 100, 4096, "wal");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        using var user = System.Diagnostics.Process.Start("sh", ["-c", $"exec 3<'{folder["data/deep/app.db"]}'; exec sleep 60"]);
        SpinWait.SpinUntil(() => DatabaseUsers.Of(folder["data/deep/app.db"]).Count > 0, TimeSpan.FromSeconds(20));
        if (deleted == "data")
        {
            Directory.Delete(folder["data"], recursive: true);
        }
        else
        {
            File.Delete(folder[deleted]);
        }

        var error = Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(snapshot));
        Assert.Equal(ErrorCode.DestinationInUse, error.Code);
        Assert.Contains("sleep", error.Message, StringComparison.Ordinal);
        user.Kill();
        user.WaitForExit();
        repository.RestoreInPlace(snapshot);
        Assert.True(File.Exists(folder["data/deep/app.db"]));
    }
}
