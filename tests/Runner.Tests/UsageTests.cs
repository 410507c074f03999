using System.Text.Json;

namespace MaintenanceOps.Runner.Tests;

/// <summary>What the runner says when it is asked, and when it is asked wrongly.</summary>
public sealed class UsageTests : Place
{
    private readonly Mops mops;

    public UsageTests() => mops = Mops();

    public static TheoryData<string> Commands => new(
        "demo", "backup", "list", "items", "test", "restore", "diff", "copy", "export", "remove", "retention", "completion",
        "wal-push", "wal-fetch", "repo new", "repo info", "repo test", "repo prune", "repo wal", "repo key add", "repo key remove",
        "mode on", "mode extend", "mode off", "mode status", "mode history", "mode expire", "mode proxy");

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_of_each_command_has_an_example_of_it(string command)
    {
        var help = mops.Run([.. command.Split(' '), "--help"]).Expect(0);
        var examples = help.Output[help.Output.IndexOf("Examples:", StringComparison.Ordinal)..];
        Assert.Contains($"mops {command}", examples, StringComparison.Ordinal);
        Assert.All(help.Lines, l => Assert.True(l.Length <= 110, l));
    }

    [Fact]
    public void Version_is_a_number() => Assert.Matches(@"^\d+\.\d+\.\d+", mops.Run("--version").Expect(0).Output);

    [Theory]
    [InlineData("backup")]
    [InlineData("nonsense")]
    [InlineData("test", "latest", "--level", "deep")]
    [InlineData("list", "--before", "yesterday")]
    [InlineData("retention", "--keep-within", "7 days")]
    [InlineData("retention", "--keep-daily", "-2")]
    [InlineData("retention", "--keep-daily", "1", "--time-zone", "Nowhere/City")]
    [InlineData("restore", "latest", "--as", "x", "--destination", "y")]
    [InlineData("backup", "app.db", "files", "--repository", "r")]
    [InlineData("backup", "app.db", "--passphrase", "x")]
    [InlineData("backup", "app.db", "--source=", "--quiet")]
    [InlineData("test")]
    [InlineData("mode", "proxy", "apache", "--flag-path", "/f", "--output-path", "d")]
    [InlineData("mode", "proxy", "nginx", "--output-path", "d")]
    public void What_cannot_be_meant_is_a_usage_error(params string[] arguments)
    {
        var run = mops.Run(arguments).Expect(2);
        Assert.Empty(run.Output);
        Assert.StartsWith("mops: ", run.Error, StringComparison.Ordinal);
        Assert.EndsWith("[InvalidArgument]", run.Error.TrimEnd(), StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void An_empty_policy_and_no_destination_are_usage_errors()
    {
        mops.Run("backup", "app.db", "--initialize").Expect(0);
        Assert.Contains("--keep-daily 7", mops.Run("retention").Expect(2).Error, StringComparison.Ordinal);
        Assert.Contains("--destination, or --in-place", mops.Run("restore", "latest").Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_alone_shows_its_commands()
    {
        Assert.Contains("prune", mops.Run("repo").Expect(2).Error, StringComparison.Ordinal);
        Assert.Contains("backup", mops.Run().Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_repository_is_one_line_that_says_what_to_do()
    {
        var run = mops.Run("list").Expect(1);
        Assert.Contains("'mops repo new'", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("New-SnapshotRepository", run.Error, StringComparison.Ordinal);
        Assert.EndsWith("[RepositoryNotFound]", run.Error.TrimEnd(), StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));

        var json = mops.Run("list", "--json").Expect(1);
        var error = json.JsonErrors.Single().GetProperty("error");
        Assert.Equal("RepositoryNotFound", error.GetProperty("code").GetString());
        Assert.Equal(Repository, error.GetProperty("target").GetString());
        Assert.Equal(JsonValueKind.String, error.GetProperty("message").ValueKind);

        mops.Environment.Remove("MAINTENANCEOPS_REPOSITORY");
        Assert.Contains("MAINTENANCEOPS_REPOSITORY", mops.Run("list").Expect(2).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("pwsh")]
    public void Each_shell_gets_a_completion_script(string shell)
    {
        var script = mops.Run("completion", shell).Expect(0).Output;
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Completion_knows_commands_options_values_and_snapshots()
    {
        var id = mops.Run("backup", "app.db", "--initialize", "--source", "app/main", "--json").Expect(0).Json.Single().GetProperty("id").GetString()!;
        Assert.Contains("restore", Suggest("mops re"));
        Assert.Contains("--lock-timeout", Suggest("mops backup --l"));
        Assert.Contains("full", Suggest("mops test latest --level "));
        Assert.Contains("app/main", Suggest("mops list --source "));
        Assert.Contains(id[..8], Suggest("mops restore "));
    }

    private string[] Suggest(string line) => mops.Run($"[suggest:{line.Length}]", line).Expect(0).Lines;
}
