using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>What a user may write for the place where a recovery stops.</summary>
public sealed class RecoveryTargetTests
{
    [Theory]
    [InlineData("2026-11-21T14:03:00Z", "recovery_target_time", "2026-11-21 14:03:00.000000+00")]
    [InlineData("2026-11-21 14:03", "recovery_target_time", "2026-11-21 14:03:00.000000+00")]
    [InlineData("2026-11-21T14:03:00+02:00", "recovery_target_time", "2026-11-21 12:03:00.000000+00")]
    [InlineData("2026-11-21 14:03:00.123456-05:30", "recovery_target_time", "2026-11-21 19:33:00.123456+00")]
    [InlineData("16/b374d848", "recovery_target_lsn", "16/B374D848")]
    [InlineData("4711", "recovery_target_xid", "4711")]
    [InlineData("before upgrade 14:00", "recovery_target_name", "before upgrade 14:00")]
    [InlineData("today-release", "recovery_target_name", "today-release")]
    [InlineData("Latest", "", "")]
    public void A_moment_a_place_a_transaction_and_a_restore_point_are_told_apart(string text, string setting, string value)
    {
        var target = RecoveryTarget.Parse(text);
        Assert.Equal((setting, value), (target.Setting, target.Value));
    }

    [Theory]
    [InlineData("yesterday 14:00")]
    [InlineData("today at 9")]
    [InlineData("Now")]
    [InlineData("2026-13-21T14:03:00Z")]
    [InlineData("2 hours ago")]
    public void What_only_looks_like_a_moment_is_refused_and_no_restore_point(string text)
    {
        var error = Assert.Throws<MaintenanceException>(() => RecoveryTarget.Parse(text));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }
}
