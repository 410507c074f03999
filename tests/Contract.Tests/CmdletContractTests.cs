using System.Management.Automation;
using System.Reflection;
using System.Security;
using System.Text.RegularExpressions;
using Xunit;

namespace MaintenanceOps.Contract.Tests;

/// <summary>What every cmdlet keeps to, found by reflection so that a new one cannot forget it.</summary>
public sealed class CmdletContractTests
{
    private static readonly HashSet<string> ReadOnlyVerbs = ["Get", "Test", "Compare", "Wait", "Watch"];

    public static TheoryData<Type> Cmdlets => House.CmdletData;

    private static HashSet<string> ApprovedVerbs { get; } = [.. new[]
        {
            typeof(VerbsCommon), typeof(VerbsCommunications), typeof(VerbsData), typeof(VerbsDiagnostic), typeof(VerbsLifecycle), typeof(VerbsOther), typeof(VerbsSecurity),
        }
        .SelectMany(t => t.GetFields(BindingFlags.Public | BindingFlags.Static))
        .Select(f => f.Name)];

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void A_cmdlet_has_an_approved_verb_a_singular_noun_and_a_class_of_that_name(Type cmdlet)
    {
        var (verb, noun, _) = House.Declared(cmdlet);
        Assert.Contains(verb, ApprovedVerbs);
        Assert.DoesNotMatch("s$", noun);
        Assert.Equal($"{verb}{noun}Command", cmdlet.Name);
        Assert.True(cmdlet.IsSealed && cmdlet.IsPublic);
    }

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void A_cmdlet_says_what_it_writes(Type cmdlet) => Assert.True(cmdlet.IsDefined(typeof(OutputTypeAttribute), inherit: false));

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void What_changes_something_can_be_asked_what_if(Type cmdlet)
    {
        var (verb, _, asksFirst) = House.Declared(cmdlet);
        Assert.Equal(!ReadOnlyVerbs.Contains(verb), asksFirst);
    }

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void No_secret_is_a_plain_string(Type cmdlet) => Assert.All(
        House.ParametersOf(cmdlet).Where(p => Regex.IsMatch(p.Name, "Pass(phrase|word)|Secret|Token", RegexOptions.IgnoreCase)),
        p => Assert.Equal(typeof(SecureString), p.PropertyType));

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void Parameters_are_singular_and_in_pascal_case(Type cmdlet) => Assert.All(
        House.ParametersOf(cmdlet).Select(p => p.Name),
        name => Assert.Matches("^[A-Z][A-Za-z]*$", name));

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void A_cmdlet_is_one_file_in_the_folder_of_its_domain(Type cmdlet)
    {
        var domain = cmdlet.Namespace!.Split('.')[^1];
        Assert.True(File.Exists(Path.Combine(House.Root, "src", "MaintenanceOps.Commands", domain, cmdlet.Name + ".cs")));
        Assert.True(Directory.Exists(Path.Combine(House.Root, "src", "MaintenanceOps.Engine", domain)));
    }

    [Theory]
    [MemberData(nameof(Cmdlets))]
    public void A_cmdlet_has_a_page_with_two_examples_and_each_parameter(Type cmdlet)
    {
        var page = File.ReadAllText(Path.Combine(House.Root, "docs", "en-US", House.NameOf(cmdlet) + ".md"));
        Assert.True(Regex.Count(page, "^### Example ", RegexOptions.Multiline) >= 2);
        Assert.All(House.ParametersOf(cmdlet), p => Assert.Contains($"### -{p.Name}\n", page, StringComparison.Ordinal));
        Assert.DoesNotContain("summary>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_manifest_exports_the_cmdlets_by_name()
    {
        var manifest = File.ReadAllText(Path.Combine(House.Root, "Module", "MaintenanceOps.psd1"));
        var exported = Regex.Match(manifest, @"CmdletsToExport\s*=\s*@\((.*?)\)", RegexOptions.Singleline).Groups[1].Value;
        Assert.Equal(
            House.Cmdlets.Select(House.NameOf).Order(StringComparer.Ordinal),
            Regex.Matches(exported, "'([^']+)'").Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal));
        Assert.DoesNotContain("'*'", manifest, StringComparison.Ordinal);
    }
}
