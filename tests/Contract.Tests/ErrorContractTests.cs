using Xunit;

namespace MaintenanceOps.Contract.Tests;

/// <summary>docs/errors.md and the codes say the same.</summary>
public sealed class ErrorContractTests
{
    public static TheoryData<string> Codes => [.. Enum.GetNames<ErrorCode>()];

    private static string[] Lines { get; } = File.ReadAllLines(Path.Combine(House.Root, "docs", "errors.md"));

    [Theory]
    [MemberData(nameof(Codes))]
    public void Each_code_has_a_cause_and_a_cure(string code)
    {
        var cells = Assert.Single(Lines, l => l.StartsWith($"| `{code}` |", StringComparison.Ordinal)).Split('|', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, cells.Length);
        Assert.All(cells, c => Assert.True(c.Trim().Length > 5));
    }

    [Fact]
    public void No_entry_is_left_of_a_code_that_is_gone() => Assert.All(
        Lines.Where(l => l.StartsWith("| `", StringComparison.Ordinal)),
        l => Assert.True(Enum.TryParse<ErrorCode>(l.Split('`')[1], out _), l));
}
