using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>A database behind links: what they lead to is taken, looked at and replaced, and the links stay.</summary>
public sealed class LinkedDatabaseTests : IDisposable
{
    private readonly TestFolder folder = new();

    public LinkedDatabaseTests()
    {
        Directory.CreateDirectory(folder["app"]);
        Directory.CreateDirectory(folder["big/data"]);
        Database(folder["big/data/real.db"], "wal");
    }

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Shapes => ["absolute", "relative", "chain", "folder"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_file_behind_a_link_is_restored_and_the_link_stays(string shape)
    {
        var path = Link(shape);
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(path);
        Assert.Equal(path, good.Origin);
        SampleDatabase.Change(path, "UPDATE t SET x = 'new'");
        LeaveLog(folder["big/data/real.db"]);
        var result = repository.RestoreInPlace(good);

        Assert.Equal("old", Value(folder["big/data/real.db"]));
        Assert.Equal("old", Value(path));
        Assert.Equal(shape == "folder" ? null : "link", new FileInfo(path).LinkTarget is null ? null : "link");
        Assert.DoesNotContain(Directory.GetFiles(folder["app"]).Concat(Directory.GetFiles(folder["big/data"])), f => f.EndsWith("-wal", StringComparison.Ordinal) || Path.GetFileName(f).Contains("mops", StringComparison.Ordinal));
        var safety = new SnapshotCatalog(repository).Find(result.SafetySnapshot!);
        repository.Restore(safety, folder["safety.db"]);
        Assert.Equal("logged", Value(folder["safety.db"]));
    }

    [Fact]
    public void A_link_to_a_deleted_file_gets_its_file_back()
    {
        var path = Link("absolute");
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(path);
        File.Delete(folder["big/data/real.db"]);
        repository.RestoreInPlace(good);

        Assert.Equal(folder["big/data/real.db"], new FileInfo(path).LinkTarget);
        Assert.Equal("old", Value(folder["big/data/real.db"]));
    }

    [Fact]
    public void A_link_into_a_folder_that_is_not_there_is_an_error()
    {
        var path = Link("absolute");
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(path);
        Directory.Delete(folder["big"], recursive: true);

        var error = Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(good));
        Assert.Equal(ErrorCode.PathNotFound, error.Code);
        Assert.Contains("mounted", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["big"]));
    }

    [Fact]
    public void A_folder_that_is_a_link_to_nothing_is_not_made()
    {
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(folder["big/data/real.db"]);
        Directory.CreateSymbolicLink(folder["volume"], folder["mnt/volume"]);
        Assert.Equal(ErrorCode.PathNotFound, Assert.Throws<MaintenanceException>(() => repository.Restore(good, folder["volume/new/out.db"])).Code);
        Assert.False(Directory.Exists(folder["mnt"]));

        Directory.CreateDirectory(folder["mnt/volume"]);
        repository.Restore(good, folder["volume/new/out.db"]);
        Assert.Equal("old", Value(folder["mnt/volume/new/out.db"]));
    }

    [Fact]
    public void Links_in_a_circle_are_an_error()
    {
        File.CreateSymbolicLink(folder["a.db"], folder["b.db"]);
        File.CreateSymbolicLink(folder["b.db"], folder["a.db"]);
        using var repository = Repositories.New(folder);
        Assert.Equal(ErrorCode.PathNotFound, Assert.Throws<MaintenanceException>(() => repository.BackUp(folder["a.db"])).Code);

        var good = repository.BackUp(folder["big/data/real.db"]);
        var error = Assert.Throws<MaintenanceException>(() => repository.Restore(good, folder["a.db"], force: true));
        Assert.Contains("circle", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Up_from_a_link_is_up_from_what_it_leads_to()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Directory.CreateSymbolicLink(folder["app/current"], folder["big/data"]);
        Database(folder["app/x.db"], "delete");
        File.Copy(folder["big/data/real.db"], folder["big/x.db"]);
        using var repository = Repositories.New(folder);
        Assert.Equal(folder["big/x.db"], repository.BackUp(folder["app/current/../x.db"]).Origin);
        Assert.Equal(folder["app/x.db"], repository.BackUp(folder["app/../app/x.db"], "other").Origin);
    }

    [Fact]
    public void A_link_that_changes_meanwhile_stops_the_restore()
    {
        var path = Link("absolute");
        Database(folder["big/other.db"], "delete");
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(path);
        SampleDatabase.Change(path, "UPDATE t SET x = 'new'");
        var sink = CallbackSink.Once("Restoring", () =>
        {
            File.Delete(path);
            File.CreateSymbolicLink(path, folder["big/other.db"]);
        });

        var error = Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, sink).Run(good, new RestoreOptions { InPlace = true }));
        Assert.Equal(ErrorCode.DestinationInUse, error.Code);
        Assert.Contains("other.db", error.Message, StringComparison.Ordinal);
        Assert.Equal("new", Value(folder["big/data/real.db"]));
        Assert.Equal("old", Value(folder["big/other.db"]));
    }

    [Fact]
    public void A_link_into_another_file_system_is_staged_there()
    {
        if (!OperatingSystem.IsLinux() || FileIdentity.Of("/dev/shm")?.Device == FileIdentity.Of(folder.Path)?.Device)
        {
            return;
        }

        var memory = Directory.CreateDirectory($"/dev/shm/mops-test-{Guid.NewGuid():N}").FullName;
        try
        {
            Database(Path.Combine(memory, "real.db"), "wal");
            File.CreateSymbolicLink(folder["linked.db"], Path.Combine(memory, "real.db"));
            using var repository = Repositories.New(folder);
            var good = repository.BackUp(folder["linked.db"]);
            SampleDatabase.Change(folder["linked.db"], "UPDATE t SET x = 'new'");
            repository.RestoreInPlace(good);

            Assert.Equal("old", Value(Path.Combine(memory, "real.db")));
            Assert.Single(Directory.GetFiles(memory));
        }
        finally
        {
            Directory.Delete(memory, recursive: true);
        }
    }

    [Fact]
    public void A_process_that_has_the_file_open_by_another_name_is_found()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Process.Start("ln", [folder["big/data/real.db"], folder["app/other name"]]).WaitForExit();
        var path = Link("absolute");
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(path);
        using var reader = Process.Start(new ProcessStartInfo("tail", ["-f", folder["app/other name"]]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.True(SpinWait.SpinUntil(() => DatabaseUsers.Of(path).Count > 0, TimeSpan.FromSeconds(20)));
            var error = Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(good));
            Assert.Equal(ErrorCode.DestinationInUse, error.Code);
            Assert.Contains($"tail ({reader.Id})", error.Message, StringComparison.Ordinal);

            // What it has open does not come back for it, though another file takes the name.
            File.Delete(folder["app/other name"]);
            Assert.Contains(DatabaseUsers.Of(path), u => u.Contains("tail", StringComparison.Ordinal));
            File.Delete(folder["big/data/real.db"]);
            Assert.Empty(DatabaseUsers.Of(path));
        }
        finally
        {
            reader.Kill();
        }
    }

    private string Link(string shape)
    {
        var path = folder["app/app.db"];
        switch (shape)
        {
            case "absolute":
                File.CreateSymbolicLink(path, folder["big/data/real.db"]);
                return path;
            case "relative":
                File.CreateSymbolicLink(path, "../big/./data/../data/real.db");
                return path;
            case "chain":
                File.CreateSymbolicLink(folder["big/second.db"], "data/real.db");
                File.CreateSymbolicLink(folder["first.db"], folder["big/second.db"]);
                File.CreateSymbolicLink(path, "../first.db");
                return path;
            default:
                Directory.CreateSymbolicLink(folder["app/data"], folder["big/data"]);
                return folder["app/data/real.db"];
        }
    }

    private static void Database(string path, string mode)
    {
        using var connection = SqliteConnections.OpenAlone(path, create: true);
        connection.Execute($"PRAGMA journal_mode = {mode}; CREATE TABLE t(x); INSERT INTO t VALUES ('old')");
    }

    /// <summary>A commit that is in the log alone, as after a power cut.</summary>
    private void LeaveLog(string file)
    {
        using (var writer = SqliteConnections.OpenBeside(file))
        {
            writer.Execute("PRAGMA wal_autocheckpoint = 0; UPDATE t SET x = 'logged'");
            File.Copy(file + "-wal", folder["saved-wal"], overwrite: true);
            File.Copy(file, folder["saved-db"], overwrite: true);
        }

        File.Copy(folder["saved-db"], file, overwrite: true);
        File.Move(folder["saved-wal"], file + "-wal", overwrite: true);
    }

    private static string Value(string path)
    {
        using var connection = SqliteConnections.OpenBeside(path);
        return connection.Scalar<string>("SELECT x FROM t");
    }
}
