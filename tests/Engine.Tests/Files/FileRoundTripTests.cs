using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

public sealed class FileRoundTripTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_tree_comes_back_with_everything_that_the_platform_knows()
    {
        var tree = MakeTree();
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(tree);
        repository.Restore(snapshot, folder["out"]);

        Assert.Empty(snapshot.Warnings);
        Assert.Equal(TreeImage.Of(tree), TreeImage.Of(folder["out"]));
        var test = repository.Prove(snapshot, VerificationLevel.Restore);
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Equal(snapshot.FileCount, test.Files);
    }

    [Fact]
    public void A_sparse_file_takes_no_space_in_the_repository_and_none_after_the_restore()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Directory.CreateDirectory(folder["data"]);
        using (var file = File.Create(folder["data/sparse"]))
        {
            file.SetLength(1L << 30);
            file.Position = 500_000_000;
            file.Write("in the middle"u8);
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        repository.Restore(snapshot, folder["out"]);
        Assert.InRange(snapshot.StoredSize, 1, 20_000);
        Assert.Equal(1L << 30, new FileInfo(folder["out/sparse"]).Length);
        Assert.InRange(TreeAccess.Current.Facts(folder["out/sparse"])!.Value.Blocks, 0, 2048);
        using var restored = File.OpenRead(folder["out/sparse"]);
        restored.Position = 500_000_000;
        var middle = new byte[13];
        restored.ReadExactly(middle);
        Assert.Equal("in the middle"u8.ToArray(), middle);
    }

    [Fact]
    public void Names_that_are_no_UTF8_come_back_byte_for_byte()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Directory.CreateDirectory(folder["data"]);
        Run("sh", "-c", $"printf x > '{folder["data"]}/'$(printf 'caf\\351') && mkdir '{folder["data"]}/'$(printf 'd\\377') && printf y > '{folder["data"]}/'$(printf 'd\\377/\\200\\201')");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        repository.Restore(snapshot, folder["out"]);
        Assert.Equal(TreeImage.Of(folder["data"]), TreeImage.Of(folder["out"]));
        Assert.Contains(new SnapshotItems(repository).List(snapshot, []), i => i.Path == "caf\\xe9");

        // What a drill wrote has such names too, and goes all the same.
        var drill = new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = VerificationLevel.Restore, ScratchFolder = folder["scratch"] });
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["scratch"]));
    }

    [Fact]
    public void Unchanged_files_are_not_read_again_and_changed_ones_are()
    {
        var tree = MakeTree();
        Run("sh", "-c", "sleep 3.2");
        using var repository = Repositories.New(folder);
        repository.BackUpFiles(tree);
        File.AppendAllText(Path.Combine(tree, "big.bin"), "more");
        var second = repository.BackUpFiles(tree);
        repository.Restore(second, folder["out"]);

        Assert.InRange(second.StoredSize, 1, 400_000);
        Assert.Equal(TreeImage.Of(tree), TreeImage.Of(folder["out"]));
    }

    [Fact]
    public void Excluded_paths_stay_out()
    {
        var tree = MakeTree();
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(tree, "app/files", "*.bin", "deep/er");
        var paths = new SnapshotItems(repository).List(snapshot, []).Select(i => i.Path).ToList();
        Assert.DoesNotContain("big.bin", paths);
        Assert.DoesNotContain("deep/er", paths);
        Assert.DoesNotContain("deep/er/file.txt", paths);
        Assert.Contains("deep", paths);
    }

    [Fact]
    public void A_part_of_a_tree_is_restored_alone()
    {
        var tree = MakeTree();
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(tree);
        repository.Restore(snapshot, folder["out"], false, "deep/**/*.txt");
        Assert.Equal(["deep", "deep/er", "deep/er/file.txt"], Directory.EnumerateFileSystemEntries(folder["out"], "*", SearchOption.AllDirectories).Select(p => Path.GetRelativePath(folder["out"], p)).Order());
        var nothing = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder["out2"], false, "no/such/*"));
        Assert.Equal(ErrorCode.ItemNotFound, nothing.Code);
    }

    [Fact]
    public void An_existing_destination_is_refused_and_with_force_kept_as_a_snapshot()
    {
        var tree = MakeTree();
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(tree);
        var original = TreeImage.Of(tree);
        File.WriteAllText(Path.Combine(tree, "hello.txt"), "overwritten");
        File.WriteAllText(Path.Combine(tree, "extra.txt"), "not in the snapshot");
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, tree)).Code);

        var result = repository.RestoreInPlace(snapshot);
        Assert.Equal("not in the snapshot", File.ReadAllText(Path.Combine(tree, "extra.txt")));
        File.Delete(Path.Combine(tree, "extra.txt"));
        Directory.SetLastWriteTimeUtc(tree, DateTime.UnixEpoch);
        Assert.Equal(original.Split('\n')[1..], TreeImage.Of(tree).Split('\n')[1..]);
        var safety = new SnapshotCatalog(repository).Find(result.SafetySnapshot!);
        repository.Restore(safety, folder["safety"]);
        Assert.Equal("overwritten", File.ReadAllText(folder["safety/hello.txt"]));
    }

    [Fact]
    public void A_live_database_in_a_tree_is_taken_whole_with_its_log()
    {
        Directory.CreateDirectory(folder["data"]);
        SampleDatabase.Create(folder["data/app.db"]);
        using var writer = SqliteConnections.OpenBeside(folder["data/app.db"]);
        writer.Execute("PRAGMA wal_autocheckpoint = 0");
        SampleDatabase.AddNotes(writer, 50);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["data"]);
        repository.Restore(snapshot, folder["out"]);

        Assert.Equal(["app.db"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName));
        Assert.Equal(SampleDatabase.Fingerprint(folder["data/app.db"]), SampleDatabase.Fingerprint(folder["out/app.db"]));
    }

    [Fact]
    public void Vanished_and_unreadable_files_are_reported_and_the_rest_is_taken()
    {
        var tree = MakeTree();
        using var repository = Repositories.New(folder);
        var sink = new VanishingSink(Path.Combine(tree, "hello.txt"));
        var snapshot = new FileBackup(repository, sink).Run(new FileBackupOptions { Paths = [tree] }, new BackupOptions { Source = "app/files" });
        Assert.Contains(snapshot.Warnings, w => w.Contains("hello.txt", StringComparison.Ordinal));
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void Several_roots_keep_their_names_below_what_they_have_in_common()
    {
        var tree = MakeTree();
        using var repository = Repositories.New(folder);
        var what = new FileBackupOptions { Paths = [Path.Combine(tree, "hello.txt"), Path.Combine(tree, "deep", "er")] };
        var snapshot = new FileBackup(repository, SilentSink.Instance).Run(what, new BackupOptions { Source = "parts" });
        repository.Restore(snapshot, folder["out"]);
        Assert.Equal(tree, snapshot.Origin);
        Assert.True(File.Exists(folder["out/hello.txt"]));
        Assert.True(File.Exists(folder["out/deep/er/file.txt"]));
    }

    [Fact]
    public void Comparison_names_what_was_added_removed_and_changed()
    {
        var tree = MakeTree();
        using var repository = Repositories.New(folder);
        var first = repository.BackUpFiles(tree);
        File.WriteAllText(Path.Combine(tree, "hello.txt"), "changed");
        File.Delete(Path.Combine(tree, "deep/er/file.txt"));
        File.WriteAllText(Path.Combine(tree, "new.txt"), "new");
        var second = repository.BackUpFiles(tree);
        var differences = new SnapshotComparison(repository, SilentSink.Instance).Run(first, second).Select(d => $"{d.Change} {d.Path}").ToList();
        Assert.Contains("Changed hello.txt", differences);
        Assert.Contains("Removed deep/er/file.txt", differences);
        Assert.Contains("Added new.txt", differences);
        Assert.DoesNotContain(differences, d => d.EndsWith("big.bin", StringComparison.Ordinal));
    }

    private string MakeTree()
    {
        var tree = folder["tree"];
        Directory.CreateDirectory(Path.Combine(tree, "deep", "er"));
        Directory.CreateDirectory(Path.Combine(tree, "empty"));
        File.WriteAllText(Path.Combine(tree, "hello.txt"), "hello");
        File.WriteAllText(Path.Combine(tree, "deep/er/file.txt"), "deep down");
        File.WriteAllText(Path.Combine(tree, "nothing"), "");
        File.WriteAllText(Path.Combine(tree, "name with ä and 'quotes'"), "odd");
        var big = new byte[3_000_000];
        new Random(5).NextBytes(big);
        File.WriteAllBytes(Path.Combine(tree, "big.bin"), big);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path.Combine(tree, "hello.txt"), UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherExecute);
            File.CreateSymbolicLink(Path.Combine(tree, "link"), "deep/er/file.txt");
            File.CreateSymbolicLink(Path.Combine(tree, "dangling"), "/nowhere/at/all");
            File.CreateSymbolicLink(Path.Combine(tree, "folder-link"), "deep");
        }

        if (OperatingSystem.IsLinux())
        {
            Run("ln", Path.Combine(tree, "big.bin"), Path.Combine(tree, "deep", "same.bin"));
        }

        return tree;
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>Removes a file at the first sign of life of the backup: after the folder was listed, before it is read.</summary>
    private sealed class VanishingSink(string victim) : IOperationSink
    {
        public void Progress(string activity, long done, long total, string? unit = null) => File.Delete(victim);

        public void Warn(string message)
        {
        }

        public void Inform(string message)
        {
        }
    }
}
