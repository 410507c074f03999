using System.Text.RegularExpressions;
using Xunit;

namespace MaintenanceOps.Contract.Tests;

/// <summary>
/// What the engine advises exists in both fronts: a cmdlet or parameter that a message names is one of the module's, and the
/// runner has the same under its own spelling.
/// </summary>
public sealed partial class AdviceContractTests
{
    /// <summary>Words of other programs, and pieces of code, that look like parameters.</summary>
    private static readonly HashSet<string> Foreign = ["QUIT", "If", "Range", "Command", "Path", "File"];

    /// <summary>Parameters of cmdlets that the runner has no counterpart of.</summary>
    private static readonly HashSet<string> OfTheModuleAlone = ["Program"];

    private static readonly IReadOnlyList<(string File, string Text)> Messages =
    [
        .. Directory.EnumerateFiles(Path.Combine(House.Root, "src", "MaintenanceOps.Engine"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(f => File.ReadLines(f)
                .Where(l => !l.TrimStart().StartsWith("//", StringComparison.Ordinal))
                .SelectMany(l => Literal().Matches(l).Select(m => (Path.GetFileName(f), m.Value)))),
    ];

    private static readonly string Runner = string.Concat(
        Directory.EnumerateFiles(Path.Combine(House.Root, "src", "MaintenanceOps.Runner"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));

    [Fact]
    public void Each_cmdlet_that_a_message_names_exists_and_has_a_command()
    {
        var cmdlets = House.Cmdlets.Select(House.NameOf).ToHashSet();
        var verbs = cmdlets.Select(c => c.Split('-')[0]).ToHashSet();
        var named = Messages
            .SelectMany(m => CmdletName().Matches(m.Text).Select(n => (m.File, Name: n.Value)))
            .Where(n => verbs.Contains(n.Name.Split('-')[0]))
            .Distinct()
            .ToList();
        Assert.NotEmpty(named);
        Assert.All(named, n =>
        {
            Assert.True(cmdlets.Contains(n.Name), $"{n.File} names {n.Name}, which is no cmdlet");
            Assert.True(Runner.Contains($"(\"{n.Name}\", \"mops ", StringComparison.Ordinal), $"{n.File} names {n.Name}, which Words.cs does not translate");
        });
    }

    [Fact]
    public void Each_parameter_that_a_message_names_exists_and_has_an_option()
    {
        var parameters = House.Cmdlets.SelectMany(House.ParametersOf).Select(p => p.Name).ToHashSet();
        var named = Messages
            .SelectMany(m => ParameterName().Matches(m.Text).Select(n => (m.File, Name: n.Groups[1].Value)))
            .Where(n => !Foreign.Contains(n.Name))
            .Distinct()
            .ToList();
        Assert.NotEmpty(named);
        Assert.All(named, n =>
        {
            var option = n.Name == "Passphrase" ? "--key-file" : "-" + Capital().Replace(n.Name, m => "-" + m.Value.ToLowerInvariant());
            Assert.True(parameters.Contains(n.Name), $"{n.File} names -{n.Name}, which no cmdlet has");
            Assert.True(OfTheModuleAlone.Contains(n.Name) || Runner.Contains($"\"{option}\"", StringComparison.Ordinal) || Runner.Contains($"Keep(\"{option.Replace("--keep-", "", StringComparison.Ordinal)}\"", StringComparison.Ordinal), $"{n.File} names -{n.Name}, and the runner has no {option}");
        });
    }

    [GeneratedRegex("\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Literal();

    [GeneratedRegex(@"\b[A-Z][a-z]+-[A-Z][A-Za-z]+\b")]
    private static partial Regex CmdletName();

    [GeneratedRegex(@"(?<![\w-])-([A-Z][A-Za-z]+)\b")]
    private static partial Regex ParameterName();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
