using System.Formats.Tar;
using System.IO.Compression;

namespace MaintenanceOps.Runner.Tests;

/// <summary>The life of snapshots of files, and what is done with several snapshots.</summary>
public sealed class FileTests : Place
{
    private readonly Mops mops;

    public FileTests()
    {
        mops = Mops();
        mops.Run("repo", "new").Expect(0);
    }

    [Fact]
    public void All_snapshots_are_those_too_that_cannot_be_read()
    {
        File.WriteAllText(InFolder("f"), "one");
        mops.Run("backup", InFolder("f"), "--source", "f").Expect(0);
        mops.Run("backup", InFolder("f"), "--source", "f").Expect(0);
        var newest = mops.Run("list", "--json").Expect(0).Json[^1].GetProperty("id").GetString()!;
        File.WriteAllText(Path.Combine(Repository, "snapshots", newest), "cut");
        var tests = mops.Run("test", "--all", "--level", "full", "--json").Expect(3).Json.Where(j => j.TryGetProperty("passed", out _)).ToList();
        Assert.Equal([true, false], tests.Select(t => t.GetProperty("passed").GetBoolean()));
        Assert.NotEqual(0, mops.Run("copy", "--all", "--destination", InFolder("other"), "--initialize").ExitCode);
        Assert.Single(mops.Run("list", "--repository", InFolder("other")).Expect(0).Lines.Skip(1));
    }

    [Fact]
    public void Files_are_backed_up_listed_restored_in_part_and_exported()
    {
        var backup = mops.Run("backup", "files", "--exclude", "*.tmp", "--json").Expect(0).Json.Single();
        Assert.Equal("files", backup.GetProperty("source").GetString());
        Assert.Equal("Files", backup.GetProperty("kind").GetString());
        var paths = mops.Run("items", "latest", "--json").Expect(0).Json.Select(i => i.GetProperty("path").GetString()!).ToList();
        Assert.Contains(paths, p => p.EndsWith("sub/b.txt", StringComparison.Ordinal));
        Assert.DoesNotContain(paths, p => p.EndsWith("c.tmp", StringComparison.Ordinal));
        Assert.Single(mops.Run("items", "latest", "--path", "b.txt", "--json").Expect(0).Json);

        mops.Run("restore", "latest", "--include", "**/b.txt", "--destination", "part").Expect(0);
        Assert.Equal(["b.txt"], Directory.EnumerateFiles(InFolder("part"), "*", SearchOption.AllDirectories).Select(Path.GetFileName));
        Assert.Contains("[ItemNotFound]", mops.Run("restore", "latest", "--include", "nothing", "--destination", "part2").Expect(1).Error, StringComparison.Ordinal);

        var export = mops.Run("export", "latest", "--destination", "files.tar.gz", "--json").Expect(0).Json.Single();
        Assert.Equal(InFolder("files.tar.gz"), export.GetProperty("path").GetString());
        using var archive = new TarReader(new GZipStream(File.OpenRead(InFolder("files.tar.gz")), CompressionMode.Decompress));
        var names = new List<string>();
        while (archive.GetNextEntry() is { } entry)
        {
            names.Add(entry.Name);
        }

        Assert.Contains(names, n => n.EndsWith("sub/b.txt", StringComparison.Ordinal));
        Assert.Contains("[DestinationInUse]", mops.Run("export", "latest", "--destination", "files.tar.gz").Expect(1).Error, StringComparison.Ordinal);
        Assert.Contains("[SnapshotKindMismatch]", mops.Run("restore", "latest", "--table", "notes", "--destination", "app.db").Expect(1).Error, StringComparison.Ordinal);
        Assert.Empty(Debris());
    }

    [Fact]
    public void A_name_with_control_characters_does_not_reach_the_terminal()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Windows allows no such names.
        }

        File.WriteAllText(InFolder("files/bad\u001b[2Jname"), "x");
        mops.Run("backup", "files").Expect(0);
        Assert.DoesNotContain('\u001b', mops.Run("items", "latest").Expect(0).Output);
    }

    [Fact]
    public void Several_snapshots_are_tested_copied_thinned_out_removed_and_pruned()
    {
        for (var i = 0; i < 3; i++)
        {
            File.WriteAllBytes(InFolder("files/random.bin"), RandomBytes(i, 300_000));
            mops.Run("backup", "files", "--quiet").Expect(0);
        }

        Assert.Equal(3, mops.Run("test", "--all", "--level", "full", "--json").Expect(0).Json.Length);
        Assert.Equal(3, mops.Run("copy", "--source", "fil*", "--destination", "offsite", "--initialize", "--json").Expect(0).Json.Length);
        mops.Run("repo", "test", "offsite", "--level", "full").Expect(0);

        var plan = mops.Run("retention", "--keep-last", "2", "--dry-run", "--json").Expect(0).Json;
        Assert.Equal([true, true, false], plan.Select(d => d.GetProperty("keep").GetBoolean()));
        Assert.Equal(3, mops.Run("list", "--json").Json.Length);
        Assert.Contains("2 kept, 1 removed", mops.Run("retention", "--keep-last", "2").Expect(0).Output, StringComparison.Ordinal);

        var ids = mops.Run("list", "--json").Json.Select(s => s.GetProperty("id").GetString()!).ToList();
        Assert.Equal(2, ids.Count);
        mops.Run("remove", ids[0], "0000000000").Expect(1);
        Assert.StartsWith("Would remove", mops.Run("remove", ids[0][..8], "--dry-run").Expect(0).Output, StringComparison.Ordinal);
        mops.Run("remove", ids[0][..8]).Expect(0);
        Assert.Single(mops.Run("list", "--json").Json);

        var would = mops.Run("repo", "prune", "--dry-run", "--json").Expect(0).Json.Single();
        var did = mops.Run("repo", "prune", "--json").Expect(0).Json.Single();
        Assert.True(did.GetProperty("freed").GetInt64() > 500_000);
        Assert.Equal(would.GetProperty("packsRemoved").GetInt32(), did.GetProperty("packsRemoved").GetInt32());
        mops.Run("test", "latest", "--level", "restore").Expect(0);
        Assert.Empty(Debris());
    }

    [Fact]
    public void Damage_gives_exit_code_3_and_names_the_snapshot()
    {
        mops.Run("backup", "files").Expect(0);
        var pack = Directory.EnumerateFiles(InFolder("repo/packs"), "*", SearchOption.AllDirectories).First();
        File.SetAttributes(pack, FileAttributes.Normal);
        File.Delete(pack);
        var check = mops.Run("repo", "test", "--json").Expect(3);
        Assert.Contains(check.Json, f => f.GetProperty("severity").GetString() == "Error");
        mops.Run("test", "latest").Expect(3);
        Assert.Contains("DAMAGED", mops.Run("list").Expect(0).Output, StringComparison.Ordinal);
    }

    private static byte[] RandomBytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
