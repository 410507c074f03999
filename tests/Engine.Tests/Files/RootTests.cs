using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>What the paths that were given lead to, and what cannot be read.</summary>
public sealed class RootTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly Repository repository;

    public RootTests()
    {
        repository = Repositories.New(folder);
        Directory.CreateDirectory(folder["releases/7"]);
        File.WriteAllText(folder["releases/7/f"], "seven");
        File.CreateSymbolicLink(folder["releases/7/inner"], "f");
    }

    public void Dispose()
    {
        repository.Dispose();
        folder.Dispose();
    }

    [LinuxFact]
    public void A_link_to_a_folder_stands_for_the_folder()
    {
        File.CreateSymbolicLink(folder["releases/newest"], "7");
        File.CreateSymbolicLink(folder["current"], "releases/newest");
        foreach (var given in new[] { folder["current"], folder["current/"], folder["./releases/../current"] })
        {
            var snapshot = repository.BackUpFiles(given);
            Assert.Equal(folder["current"], snapshot.Origin);
            Assert.Equal(["f", "inner"], Paths(snapshot));
        }

        var taken = repository.BackUpFiles(folder["current"]);
        repository.Restore(taken, folder["out"]);
        Assert.Equal("seven", File.ReadAllText(folder["out/f"]));
        Assert.Equal("f", File.ResolveLinkTarget(folder["out/inner"], false)!.Name);
        Assert.True(repository.Prove(taken, VerificationLevel.Restore).Passed);
    }

    [LinuxFact]
    public void A_link_to_a_file_stands_for_the_file_and_is_named_as_it_was_given()
    {
        File.CreateSymbolicLink(folder["config"], "releases/7/inner");
        var snapshot = repository.BackUpFiles(folder["config"]);
        var item = new SnapshotItems(repository).List(snapshot, []).Single();
        Assert.Equal(("config", SnapshotItemKind.File), (item.Path, item.Kind));
        Assert.Contains("releases/7/inner", item.Note, StringComparison.Ordinal);
        repository.Restore(snapshot, folder["out"]);
        Assert.Equal("seven", File.ReadAllText(folder["out/config"]));
    }

    [LinuxFact]
    public void In_place_the_links_stay_and_what_they_lead_to_comes_back()
    {
        File.CreateSymbolicLink(folder["config"], "releases/7/inner");
        File.CreateSymbolicLink(folder["current"], "releases/7");
        var file = repository.BackUpFiles(folder["config"], "file");
        var tree = repository.BackUpFiles(folder["current"], "tree");
        File.WriteAllText(folder["releases/7/f"], "changed");
        repository.RestoreInPlace(file, force: true);
        Assert.Equal("seven", File.ReadAllText(folder["releases/7/f"]));
        Assert.Equal("releases/7/inner", TreeAccess.Current.ReadLink(folder["config"]));
        Assert.Equal("f", TreeAccess.Current.ReadLink(folder["releases/7/inner"]));

        File.WriteAllText(folder["releases/7/f"], "changed");
        repository.RestoreInPlace(tree, force: true);
        Assert.Equal("seven", File.ReadAllText(folder["releases/7/f"]));
        Assert.Equal("releases/7", TreeAccess.Current.ReadLink(folder["current"]));
    }

    [LinuxFact]
    public void A_link_that_says_something_else_by_now_is_not_followed_without_force()
    {
        File.CreateSymbolicLink(folder["current"], "releases/7");
        var snapshot = repository.BackUpFiles(folder["current"]);
        Directory.CreateDirectory(folder["releases/8"]);
        File.WriteAllText(folder["releases/8/f"], "eight");
        File.Delete(folder["current"]);
        File.CreateSymbolicLink(folder["current"], "releases/8");
        var refused = Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(snapshot));
        Assert.Equal(ErrorCode.DestinationInUse, refused.Code);
        Assert.Contains("releases/8", refused.Message, StringComparison.Ordinal);
        Assert.Equal("eight", File.ReadAllText(folder["releases/8/f"]));
    }

    [LinuxFact]
    public void A_link_inside_a_root_is_followed_where_it_was_named_too()
    {
        Directory.CreateDirectory(folder["app"]);
        File.CreateSymbolicLink(folder["app/current"], "../releases/7");
        File.CreateSymbolicLink(folder["app/other"], "../releases/7");
        var what = new FileBackupOptions { Paths = [folder["app"], folder["app/current"]] };
        var snapshot = new FileBackup(repository, SilentSink.Instance).Run(what, new BackupOptions { Source = "s" });
        var items = new SnapshotItems(repository).List(snapshot, []).ToDictionary(i => i.Path, i => i.Kind);
        Assert.Equal(SnapshotItemKind.File, items["app/current/f"]);
        Assert.Equal(SnapshotItemKind.Link, items["app/other"]);
        Assert.Equal(5, items.Count);
    }

    [LinuxFact]
    public void A_link_that_leads_nowhere_is_an_error_that_says_where_it_leads()
    {
        File.CreateSymbolicLink(folder["dangling"], "releases/8");
        var missing = Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["dangling"]));
        Assert.Equal(ErrorCode.PathNotFound, missing.Code);
        Assert.Contains("releases/8", missing.Message, StringComparison.Ordinal);
        File.CreateSymbolicLink(folder["a"], "b");
        File.CreateSymbolicLink(folder["b"], "a");
        Assert.Equal(ErrorCode.PathNotFound, Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["a"])).Code);
    }

    [LinuxFact]
    public void What_has_no_end_is_refused()
    {
        LinuxFiles.Pipe(folder["pipe"]);
        LinuxFiles.Socket(folder["socket"]);
        File.CreateSymbolicLink(folder["link-to-pipe"], "pipe");
        foreach (var given in new[] { folder["pipe"], folder["socket"], folder["link-to-pipe"], "/dev/zero", "/proc/version", "/proc/self" })
        {
            Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(given)).Code);
        }
    }

    [LinuxFact]
    public void What_cannot_be_read_is_counted_named_and_makes_the_snapshot_incomplete()
    {
        // A path that is longer than the system takes cannot be looked at, not even by root.
        var name = new string('d', 250);
        var at = TreeAccess.Current.OpenFolder(folder["releases"]);
        for (var depth = 0; depth < 18; depth++)
        {
            using var above = at;
            above.CreateFolder(name);
            at = above.OpenFolder(name);
        }

        at.Dispose();
        var sink = new WarningSink();
        var snapshot = new FileBackup(repository, sink).Run(new FileBackupOptions { Paths = [folder["releases"]] }, new BackupOptions { Source = "s" });
        Assert.Equal(SnapshotState.Incomplete, snapshot.State);
        Assert.Equal(1, snapshot.MissingCount);
        Assert.StartsWith(name, Assert.Single(snapshot.Missing), StringComparison.Ordinal);
        Assert.Contains(sink.Messages, m => m.Contains("not in the snapshot", StringComparison.Ordinal));
        Assert.Contains("7/f", Paths(snapshot));
    }

    [UnprivilegedFact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void Files_and_folders_without_the_right_to_read_them_are_missing_and_a_root_without_it_is_an_error()
    {
        Directory.CreateDirectory(folder["releases/secret"]);
        File.WriteAllText(folder["releases/key"], "k");
        File.SetUnixFileMode(folder["releases/key"], UnixFileMode.None);
        File.SetUnixFileMode(folder["releases/secret"], UnixFileMode.None);
        var snapshot = repository.BackUpFiles(folder["releases"]);
        Assert.Equal(["key", "secret"], snapshot.Missing);
        Assert.Equal(2, snapshot.MissingCount);
        Assert.Equal(ErrorCode.AccessDenied, Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["releases/key"])).Code);
        Assert.Equal(ErrorCode.AccessDenied, Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["releases/secret"])).Code);
        File.SetUnixFileMode(folder["releases/secret"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [LinuxFact]
    public void A_file_that_grows_faster_than_it_is_read_comes_to_an_end()
    {
        using var stop = new CancellationTokenSource();
        File.WriteAllText(folder["releases/7/log"], "begin\n");
        var writer = Task.Run(() =>
        {
            using var log = new FileStream(folder["releases/7/log"], FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            for (var line = new byte[4096]; !stop.IsCancellationRequested && log.Length < 500_000_000;)
            {
                log.Write(line);
                log.Flush();
            }
        });
        var snapshot = repository.BackUpFiles(folder["releases"]);
        stop.Cancel();
        Join(writer);
        Assert.Equal(SnapshotState.Written, snapshot.State);
        repository.Restore(snapshot, folder["out"]);
        Assert.InRange(new FileInfo(folder["out/7/log"]).Length, 6, 600_000_000);
    }

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void A_database_in_a_tree_is_consistent_beside_its_writer(string mode)
    {
        SampleDatabase.Create(folder["releases/7/app.db"], 400, 4096, mode);
        using (var setup = SqliteConnections.OpenBeside(folder["releases/7/app.db"]))
        {
            setup.Execute("CREATE TABLE pair(a INTEGER, b INTEGER)");
            setup.Execute("INSERT INTO pair SELECT 0, 0 FROM notes");
        }

        using var stop = new CancellationTokenSource();
        var writer = Task.Run(() =>
        {
            using var connection = SqliteConnections.OpenBeside(folder["releases/7/app.db"]);
            for (var i = 1; !stop.IsCancellationRequested; i++)
            {
                connection.Execute($"UPDATE pair SET a = {i}, b = {i}");
            }
        });
        for (var round = 0; round < 5; round++)
        {
            var snapshot = repository.BackUpFiles(folder["releases"]);
            repository.Restore(snapshot, folder[$"out{round}"]);
            Assert.Equal(["app.db", "f", "inner"], Directory.GetFileSystemEntries(folder[$"out{round}/7"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
            using var restored = SqliteConnections.OpenAlone(folder[$"out{round}/7/app.db"]);
            Assert.Equal(1, restored.Scalar<long>("SELECT count(DISTINCT a * 1000000 + b) FROM pair"));
            Assert.Equal("ok", restored.Scalar<string>("PRAGMA integrity_check"));
        }

        stop.Cancel();
        Join(writer);
    }

    [Fact]
    public void A_file_that_only_begins_like_a_database_is_taken_byte_by_byte()
    {
        var bytes = new byte[5000];
        new Random(3).NextBytes(bytes);
        "SQLite format 3\0"u8.CopyTo(bytes);
        File.WriteAllBytes(folder["releases/7/no.db"], bytes);
        File.WriteAllText(folder["releases/7/no.db-wal"], "mine");
        var snapshot = repository.BackUpFiles(folder["releases"]);
        Assert.Equal(0, snapshot.MissingCount);
        Assert.Contains(snapshot.Unchecked, u => u.Contains("no.db", StringComparison.Ordinal));
        repository.Restore(snapshot, folder["out"]);
        Assert.Equal(bytes, File.ReadAllBytes(folder["out/7/no.db"]));
        Assert.Equal("mine", File.ReadAllText(folder["out/7/no.db-wal"]));
    }

    private List<string> Paths(Snapshot snapshot) => [.. new SnapshotItems(repository).List(snapshot, []).Select(i => i.Path)];

    private static void Join(Task task) => task.GetAwaiter().GetResult();
}
