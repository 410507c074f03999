using Xunit;

namespace MaintenanceOps.Engine.Tests;

public sealed class DurationTests
{
    [Theory]
    [InlineData("500ms", 0.5)]
    [InlineData("0.5s", 0.5)]
    [InlineData("1.5MS", 0.0015)]
    [InlineData("90s", 90)]
    [InlineData("5m", 300)]
    [InlineData("1m500ms", 60.5)]
    [InlineData("1d12h", 129_600)]
    [InlineData("2w", 1_209_600)]
    public void A_duration_is_read(string text, double seconds)
    {
        Assert.True(Duration.TryParse(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("ms")]
    [InlineData("5m s")]
    [InlineData("5 m")]
    [InlineData("1.2.3s")]
    [InlineData("-5m")]
    [InlineData("101y")]
    [InlineData("99999999999d")]
    public void What_is_none_is_refused(string text) => Assert.False(Duration.TryParse(text, out _));
}
