using System.Diagnostics;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>What was written once opens for ever: with today's engine, and without it.</summary>
public sealed class GoldenTests : IDisposable
{
    private readonly TestFolder folder = new();

    /// <summary>Names that are no UTF-8 exist on Linux only; elsewhere those entries are left out of the comparison.</summary>
    private static bool AllNames => OperatingSystem.IsLinux();

    public static TheoryData<string, string> Snapshots()
    {
        var data = new TheoryData<string, string>();
        foreach (var repository in new[] { GoldenData.Plain, GoldenData.Encrypted })
        {
            foreach (var snapshot in GoldenData.ExpectedOf(repository))
            {
                data.Add(repository, snapshot.Name);
            }
        }

        return data;
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Snapshots))]
    public void Todays_engine_restores_it(string name, string label)
    {
        var expected = GoldenData.ExpectedOf(name).Single(s => s.Name == label);
        using var repository = Repository.Open(GoldenData.Copy(name, folder.Path), GoldenData.PassphraseOf(name));
        var snapshot = new SnapshotCatalog(repository).Find(expected.Id);
        var target = folder["restored"];

        repository.Restore(snapshot, target);

        Assert.Equal(Lines(expected), GoldenData.Describe(target, AllNames));
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
    }

    [Theory]
    [MemberData(nameof(Snapshots))]
    public void Rescue_restores_it_without_the_engine(string name, string label)
    {
        var expected = GoldenData.ExpectedOf(name).Single(s => s.Name == label);
        var target = folder["restored"];

        var (code, output) = Rescue.Run(GoldenData.PassphraseText(name), GoldenData.FolderOf(name), expected.Id[..12], target);

        Assert.True(code == 0, output);
        Assert.Equal(Lines(expected), GoldenData.Describe(target, AllNames));
        if (expected.IsTree && OperatingSystem.IsLinux())
        {
            var facts = TreeAccess.Current.Facts(Path.Combine(target, "sparse.img"))!.Value;
            Assert.True(facts.Blocks * 512 < facts.Size / 4, "The holes were filled.");
        }
    }

    [Theory]
    [InlineData(GoldenData.Plain)]
    [InlineData(GoldenData.Encrypted)]
    public void It_passes_a_full_check(string name)
    {
        using var repository = Repository.Open(GoldenData.Copy(name, folder.Path), GoldenData.PassphraseOf(name));

        Assert.Empty(repository.Check());
        Assert.Equal(4, new SnapshotCatalog(repository).List().Count);
        Assert.Equal(VerificationLevel.Full, new SnapshotCatalog(repository).Find("latest", "golden/notes").Verified);
    }

    [Theory]
    [InlineData(GoldenData.FirstPassphrase)]
    [InlineData(GoldenData.SecondPassphrase)]
    public void Each_passphrase_opens_it(string passphrase)
    {
        using var repository = Repository.Open(GoldenData.Copy(GoldenData.Encrypted, folder.Path), Passphrase.FromText(passphrase));

        Assert.Equal(4, new SnapshotCatalog(repository).List().Count);
    }

    [Fact]
    public void A_wrong_passphrase_is_named_as_such()
    {
        var copy = GoldenData.Copy(GoldenData.Encrypted, folder.Path);

        var error = Assert.Throws<MaintenanceException>(() => Repository.Open(copy, Passphrase.FromText("wrong")));

        Assert.Equal(ErrorCode.PassphraseWrong, error.Code);
        Assert.Equal(2, Rescue.Run("wrong", copy).Code);
    }

    [Fact]
    public void Rescue_lists_takes_latest_and_refuses_what_is_not_there()
    {
        var repository = GoldenData.FolderOf(GoldenData.Plain);
        var expected = GoldenData.ExpectedOf(GoldenData.Plain);

        var (code, list) = Rescue.Run(null, repository);
        Assert.Equal(0, code);
        Assert.All(expected, s => Assert.Contains(s.Id[..16], list, StringComparison.Ordinal));

        Assert.Equal(0, Rescue.Run(null, repository, "latest:golden/notes", folder["latest.db"]).Code);
        Assert.Equal(expected.Single(s => s.Name == "sqlite-2").Lines, GoldenData.Describe(folder["latest.db"]));
        Assert.Equal(2, Rescue.Run(null, repository, "ffffffff", folder["none"]).Code);
        Assert.Equal(2, Rescue.Run(null, folder["no-repository"]).Code);
        Assert.Equal(2, Rescue.Run(null, repository, "latest:golden/notes", folder["latest.db"]).Code);
    }

    [Fact]
    public void Rescue_works_from_an_empty_folder()
    {
        Directory.CreateDirectory(folder["alone"]);
        File.Copy(GoldenData.RescueProgram, folder["alone/rescue.cs"]);

        var (code, output) = Rescue.RunFrom(folder["alone/rescue.cs"], null, GoldenData.FolderOf(GoldenData.Plain));

        Assert.True(code == 0, output);
    }

    [Fact]
    public void Rescue_writes_nothing_into_the_repository()
    {
        var copy = GoldenData.Copy(GoldenData.Plain, folder.Path);
        var before = GoldenData.Describe(copy);

        Rescue.Run(null, copy, "latest:golden/files", folder["out"]);

        Assert.Equal(before, GoldenData.Describe(copy));
    }

    private static string[] Lines(GoldenData.Expected expected) => AllNames
        ? expected.Lines
        : [.. expected.Lines.Where(l => !l.Contains("%ff", StringComparison.Ordinal))];
}

/// <summary>rescue.cs as a child process, as somebody without this program would run it.</summary>
internal static class Rescue
{
    public static (int Code, string Output) Run(string? passphrase, params string[] arguments) =>
        RunFrom(GoldenData.RescueProgram, passphrase, arguments);

    public static (int Code, string Output) RunFrom(string program, string? passphrase, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", ["run", program, "--", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(program)!,
        };
        start.Environment.Remove("MAINTENANCEOPS_PASSPHRASE_FILE");
        start.Environment.Remove("MAINTENANCEOPS_PASSPHRASE");
        if (passphrase is not null)
        {
            start.Environment["MAINTENANCEOPS_PASSPHRASE"] = passphrase;
        }

        // The test host's own build settings must not reach the child's build.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(name);
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
