using System.Globalization;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// What the name of a check's record tells, so that a list of snapshots need not open every record. The name is
/// sealed into the record; Test-SnapshotRepository compares.
/// </summary>
internal sealed record TestName(string Snapshot, DateTimeOffset At, VerificationLevel Level, TestOutcome Outcome)
{
    private const string Letters = "pfdu";

    public static string For(TestRecord record) => new TestName(record.Snapshot, record.At, record.Level, OutcomeOf(record)).ObjectName;

    public static TestOutcome OutcomeOf(TestRecord record) =>
        record.Passed ? TestOutcome.Passed : record.Unproven ? TestOutcome.Unproven : record.Damaged ? TestOutcome.Damaged : TestOutcome.Failed;

    public string ObjectName => string.Create(
        CultureInfo.InvariantCulture,
        $"{TestRecord.Folder(Snapshot)}{At.ToUnixTimeMilliseconds():d14}-{(int)Level}-{Letters[(int)Outcome]}");

    public static TestName? Parse(string name)
    {
        var parts = name.Split('/');
        var words = parts.Length == 3 ? parts[2].Split('-') : [];
        return words.Length == 3
            && long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            && milliseconds < 253402300800000
            && int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var level)
            && words[2].Length == 1
            && Letters.IndexOf(words[2][0]) is >= 0 and var outcome
            ? new TestName(parts[1], DateTimeOffset.FromUnixTimeMilliseconds(milliseconds), (VerificationLevel)level, (TestOutcome)outcome)
            : null;
    }
}

/// <summary>How a check ended.</summary>
internal enum TestOutcome
{
    Passed,

    /// <summary>The content came back as it was taken, and an assertion about it did not hold.</summary>
    Failed,

    /// <summary>Content is lost or changed.</summary>
    Damaged,

    /// <summary>The check could not be made.</summary>
    Unproven,
}
