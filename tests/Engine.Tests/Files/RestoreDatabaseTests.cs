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
}
