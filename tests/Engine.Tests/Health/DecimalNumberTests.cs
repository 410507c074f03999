using MaintenanceOps.Engine.Health;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>Numbers are compared as they are written, however long they are.</summary>
public sealed class DecimalNumberTests
{
    [Theory]
    [InlineData("12345678901234567890", "12345678901234567890")]
    [InlineData("1000", "1e3")]
    [InlineData("1e3", "1000.000")]
    [InlineData("1E+3", "0001000")]
    [InlineData("0.1", ".10")]
    [InlineData("-0", "0")]
    [InlineData("-0.0e9", "0")]
    [InlineData("5e-324", "0.5e-323")]
    [InlineData("1.5e400", "15e399")]
    [InlineData("+7", " 7 ")]
    public void Same(string value, string wanted)
    {
        Assert.Null(Expectation.Parse(wanted).Complaint("it", value));
        Assert.Null(Expectation.Parse($">= {wanted}").Complaint("it", value));
        Assert.NotNull(Expectation.Parse($"!= {wanted}").Complaint("it", value));
        Assert.NotNull(Expectation.Parse($"> {wanted}").Complaint("it", value));
    }

    [Theory]
    [InlineData("12345678901234567890", "12345678901234567891")]
    [InlineData("9007199254740992", "9007199254740993")]
    [InlineData("0.3", "0.30000000000000004")]
    [InlineData("-1e400", "1e-400")]
    [InlineData("1e-400", "1e400")]
    [InlineData("-2", "-1.99999999999999999999")]
    [InlineData("99", "1e2")]
    [InlineData("-Infinity", "0")]
    [InlineData("1e999999999", "Infinity")]
    public void Less(string value, string bound)
    {
        Assert.Null(Expectation.Parse($"< {bound}").Complaint("it", value));
        Assert.NotNull(Expectation.Parse(bound).Complaint("it", value));
        Assert.NotNull(Expectation.Parse($">= {bound}").Complaint("it", value));
        Assert.Null(Expectation.Parse($"> {value}").Complaint("it", bound));
    }

    [Theory]
    [InlineData("1e1000000001")]
    [InlineData("1e-9223372036854775808")]
    [InlineData("1e99999999999999999999")]
    [InlineData("0x10")]
    [InlineData("1,5")]
    [InlineData("1e")]
    [InlineData("e5")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("١")]
    public void Not_a_number(string text)
    {
        Assert.Null(DecimalNumber.Parse(text));
        Assert.NotNull(Expectation.Parse("> 0").Complaint("it", text));
        Assert.Throws<MaintenanceException>(() => Expectation.Parse($"> {text}"));
    }
}
