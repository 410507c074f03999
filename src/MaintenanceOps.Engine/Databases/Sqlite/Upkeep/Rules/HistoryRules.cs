using System.Globalization;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Histories;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>What only earlier looks and checks can tell: how old the last check is, and how fast the database grows.</summary>
internal static class HistoryRules
{
    /// <summary>Damage that is older than the oldest snapshot that is kept is damage for good.</summary>
    private static readonly TimeSpan OldCheck = TimeSpan.FromDays(30);

    /// <summary>A check from the future was noted by a clock that was wrong, so nobody knows when it was.</summary>
    private static readonly TimeSpan WrongClock = TimeSpan.FromDays(-1);

    private static readonly TimeSpan FullSoon = TimeSpan.FromDays(30);
    private static readonly TimeSpan FullSometime = TimeSpan.FromDays(365);

    public static IEnumerable<DatabaseFinding> Look(Inspection look) => look.Past is { } past ? [.. Integrity(look, past.LastCheck), .. Growth(look, past.Sizes)] : [];

    private static IEnumerable<DatabaseFinding> Integrity(Inspection look, PastCheck? last)
    {
        var age = last is null ? (TimeSpan?)null : DateTimeOffset.UtcNow - last.At;
        if (age < WrongClock && last is { Passed: true })
        {
            (last, age) = (null, null);
        }

        if (last is { Passed: true } && age <= OldCheck)
        {
            yield break;
        }

        var finding = last switch
        {
            { Passed: false } => look.Finding(FindingSeverity.Error, "Integrity", $"The last full check, {Duration.Format(age < TimeSpan.Zero ? TimeSpan.Zero : age!.Value)} ago, did not pass ({last.Reason})."),
            { } => look.Finding(FindingSeverity.Warning, "Integrity", $"The last full check is {Duration.Format(age!.Value)} old."),
            null => look.Finding(FindingSeverity.Information, "Integrity", "No full check of this database is known here."),
        };
        yield return finding with
        {
            Sql = "PRAGMA integrity_check",
            Advice = last is { Passed: false }
                ? "Restore the newest verified snapshot, or mend it, and check again: Test-Database -Level Full."
                : "Test-Database -Level Full, once a month: damage that is found before the last sound snapshot is gone can be mended.",
        };
    }

    private static IEnumerable<DatabaseFinding> Growth(Inspection look, IReadOnlyList<PastFigure> sizes)
    {
        if (FreeSpace.Of(look.File.Path) is not { } free || Forecast.Of(sizes, look.File.Size, look.File.Size + free, DateTimeOffset.UtcNow) is not { } forecast || forecast.Likely > FullSometime)
        {
            yield break;
        }

        var daily = (long)forecast.PerDay;
        yield return look.Finding(
            forecast.Likely < FullSoon ? FindingSeverity.Warning : FindingSeverity.Information, "Growth",
            string.Create(CultureInfo.InvariantCulture, $"It grows by about {ByteSize.Format(daily)} a day, and the volume has {ByteSize.Format(free)} free: {forecast}.")) with
        {
            Size = daily,
            Ratio = (double)daily / Math.Max(1, look.File.Size),
            Advice = "Others may fill the volume sooner. Delete or move what is old, or make room in time.",
        };
    }
}
