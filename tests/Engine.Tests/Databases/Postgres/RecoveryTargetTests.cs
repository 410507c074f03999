using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>What a user may write for the place where a recovery stops.</summary>
public sealed class RecoveryTargetTests
{
    [Theory]
    [InlineData("2026-11-21T14:03:00Z")]
    [InlineData("2026-11-21 14:03")]
    [InlineData("16/B374D848")]
    [InlineData("4711")]
    [InlineData("before upgrade")]
    [InlineData("todays-release")]
    [InlineData("latest")]
    public void A_moment_a_place_a_transaction_and_a_restore_point_are_read(string text) => Assert.NotNull(RecoveryTarget.Parse(text));

    [Theory]
    [InlineData("yesterday 14:00")]
    [InlineData("Now")]
    [InlineData("2026-13-21T14:03:00Z")]
    [InlineData("2 hours ago")]
    public void A_day_in_words_is_no_restore_point(string text)
    {
        var error = Assert.Throws<MaintenanceException>(() => RecoveryTarget.Parse(text));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }
}
