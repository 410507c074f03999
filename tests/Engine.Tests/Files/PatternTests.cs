using System.Diagnostics;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>Patterns leave out and choose what git would, and names that look like patterns can be chosen too.</summary>
public sealed class PatternTests : IDisposable
{
    /// <summary>Letters of one byte: to git a question mark is a byte, and here it is a letter.</summary>
    private static readonly string[] Names = ["a", "b", "ab", "abc", "c.o", "a b", "#a", "!a", "a ", "[a]"];

    private static readonly string[] Parts =
    [
        "a", "b", "ab", "*", "?", "**", "a*", "*b", "?b", "a?c", "[ab]", "[!a]", "[^b]*", "[a-c]", "[c-a]", "[]a]", "[a-]", "[[:alpha:]]", "[[:punct:]]a", "[[:no:]]",
        "[a", "\\a", "\\#a", "\\!a", "\\[a\\]", "a\\ ", "a\\ b", "*.o", "a**b", "**b", "a**", "#a", "a b", "[\\]a]*",
    ];

    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [GitTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_patterns_leave_out_what_git_ignores(int seed)
    {
        var random = new Random(seed);
        var paths = MakeTree(random);
        for (var round = 0; round < 30; round++)
        {
            var patterns = Enumerable.Range(0, random.Next(1, 6)).Select(_ => RandomPattern(random)).ToList();
            File.WriteAllText(folder["tree/.gitignore"], string.Join('\n', patterns) + "\n");
            var filter = new PathFilter(PathFilter.ReadPatterns(folder["tree/.gitignore"]));
            var expected = Ignored(paths).Order(StringComparer.Ordinal);
            var actual = paths.Where(p => IsLeftOut(filter, p)).Order(StringComparer.Ordinal);
            Assert.True(expected.SequenceEqual(actual), $"{string.Join(" | ", patterns)}\ngit:  {string.Join(" | ", expected)}\nhere: {string.Join(" | ", actual)}");
        }
    }

    [Fact]
    public void Absolute_paths_below_a_root_are_left_out_and_what_fits_nothing_is_told_in_one_line()
    {
        foreach (var file in new[] { "cache/c", "logs/l", "logs/keep", "deep/cache/x", "tree/y" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder["tree/" + file])!);
            File.WriteAllText(folder["tree/" + file], file);
        }

        using var repository = Repositories.New(folder);
        var sink = new WarningSink();
        var what = new FileBackupOptions
        {
            Paths = [folder["tree"]],
            Exclude = [folder["tree/cache"], "logs/*", "!logs/keep", "nothing/here", folder["elsewhere/x"], Path.Combine(Path.GetDirectoryName(folder.Path)!, "*", "tree", "tree", "")],
        };
        var snapshot = new FileBackup(repository, sink).Run(what, new BackupOptions { Source = "s" });
        Assert.Equal(["deep", "deep/cache", "deep/cache/x", "logs", "logs/keep"], new SnapshotItems(repository).List(snapshot, []).Select(i => i.Path));
        var told = Assert.Single(sink.Messages);
        Assert.Contains("'nothing/here'", told, StringComparison.Ordinal);
        Assert.Contains("elsewhere/x", told, StringComparison.Ordinal);
        Assert.DoesNotContain("keep", told, StringComparison.Ordinal);
        Assert.Empty(snapshot.Warnings);
    }

    [LinuxFact]
    public void An_absolute_path_may_lead_through_the_link_that_was_given_or_to_what_it_leads_to()
    {
        Directory.CreateDirectory(folder["real/cache"]);
        File.WriteAllText(folder["real/keep"], "");
        File.CreateSymbolicLink(folder["link"], "real");
        using var repository = Repositories.New(folder);
        foreach (var pattern in new[] { folder["link/cache"], folder["real/cache/"] })
        {
            Assert.Equal(["keep"], new SnapshotItems(repository).List(repository.BackUpFiles(folder["link"], "s", pattern), []).Select(i => i.Path));
        }

        var whole = repository.BackUpFiles(folder["link"], "s");
        repository.Restore(whole, folder["out"], false, folder["link/cache"]);
        Assert.Equal(["cache"], Directory.GetFileSystemEntries(folder["out"]).Select(Path.GetFileName));
    }

    [Fact]
    public void A_backup_of_which_everything_is_left_out_says_so()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "");
        using var repository = Repositories.New(folder);
        Assert.Contains("empty", Assert.Single(repository.BackUpFiles(folder["tree"], "s", "*").Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Patterns_of_a_file_come_before_those_of_the_command_line()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a.log"], "");
        File.WriteAllText(folder["tree/b.log"], "");
        File.WriteAllText(folder["ignore"], "\ufeff# logs\r\n*.log\r\n");
        using var repository = Repositories.New(folder);
        var what = new FileBackupOptions { Paths = [folder["tree"]], ExcludeFrom = [folder["ignore"]], Exclude = ["!b.log"] };
        var snapshot = new FileBackup(repository, SilentSink.Instance).Run(what, new BackupOptions { Source = "s" });
        Assert.Equal(["b.log"], new SnapshotItems(repository).List(snapshot, []).Select(i => i.Path));
    }

    [Fact]
    public void A_hostile_pattern_takes_no_time()
    {
        var watch = Stopwatch.StartNew();
        var filter = new PathFilter([string.Concat(Enumerable.Repeat("*a", 60)) + "b", string.Join('/', Enumerable.Repeat("**", 60)) + "/x"]);
        Assert.False(filter.Excludes(new string('a', 4000), false));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    private static bool IsLeftOut(PathFilter filter, string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            if (filter.Excludes(path[..slash], true))
            {
                return true;
            }
        }

        return filter.Excludes(path, false);
    }

    private static string RandomPattern(Random random)
    {
        var parts = Enumerable.Range(0, random.Next(1, 4)).Select(_ => Parts[random.Next(Parts.Length)]);
        return (random.Next(4) == 0 ? "!" : "") + (random.Next(4) == 0 ? "/" : "") + string.Join('/', parts) + (random.Next(4) == 0 ? "/" : "") + (random.Next(8) == 0 ? "  " : "");
    }

    private List<string> MakeTree(Random random)
    {
        var paths = new List<string>();
        for (var i = 0; i < 70; i++)
        {
            var path = string.Join('/', Enumerable.Range(0, random.Next(1, 4)).Select(_ => Names[random.Next(Names.Length)]));
            var parent = Path.GetDirectoryName(folder["tree/" + path])!;
            if (!Directory.Exists(folder["tree/" + path]) && !paths.Exists(p => path.StartsWith(p + "/", StringComparison.Ordinal)))
            {
                Directory.CreateDirectory(parent);
                File.WriteAllText(folder["tree/" + path], "");
                paths.Add(path);
            }
        }

        Git([], "init", "--quiet");
        return paths.Distinct().ToList();
    }

    private List<string> Ignored(List<string> paths) =>
        [.. Git(paths, "check-ignore", "--no-index", "--stdin", "-z").Split('\0', StringSplitOptions.RemoveEmptyEntries)];

    private string Git(List<string> input, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = folder["tree"], RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        start.Environment["GIT_CONFIG_SYSTEM"] = "/dev/null";
        using var process = Process.Start(start)!;
        process.StandardInput.Write(string.Concat(input.Select(p => p + '\0')));
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        // 1: nothing is ignored.
        Assert.InRange(process.ExitCode, 0, 1);
        return output;
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class GitTheoryAttribute : TheoryAttribute
    {
        public GitTheoryAttribute() => Skip = !OperatingSystem.IsLinux() || LinuxFiles.Try("sh", "-c", "command -v git").Code != 0 ? "There is no git here." : null;
    }
}
