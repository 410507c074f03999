using System.Globalization;
using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Databases.Postgres.Wal;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Where a recovery is to stop: a moment, a place in the log, a transaction, a restore point, or the end of the log.
/// </summary>
public sealed partial record RecoveryTarget
{
    private RecoveryTarget(string setting, string value)
    {
        Setting = setting;
        Value = value;
    }

    /// <summary>
    /// The timeline that the recovery goes along: <c>latest</c> follows every branch, <c>current</c> stays on that of the base
    /// backup, and a number names one.
    /// </summary>
    public string Timeline { get; private init; } = "latest";

    /// <summary>The moment, where it is one.</summary>
    public DateTimeOffset? Moment { get; private init; }

    /// <summary>The place in the log, where it is one.</summary>
    public string? Place { get; private init; }

    /// <summary>The server's setting, such as <c>recovery_target_time</c>; empty for the end of the log.</summary>
    internal string Setting { get; }

    internal string Value { get; }

    /// <summary>Reads what a user gave.</summary>
    /// <param name="text">
    /// <c>2026-11-21T14:03:00Z</c> (a moment without a zone is UTC), <c>16/B374D848</c>, a transaction's number, the name of
    /// a restore point, or <c>latest</c>.
    /// </param>
    /// <param name="timeline"><c>latest</c>, <c>current</c> or a timeline's number; null means <c>latest</c>.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static RecoveryTarget Parse(string text, string? timeline = null)
    {
        var along = (timeline ?? "latest").Trim().ToLowerInvariant();
        return along is "latest" or "current" || (along.Length is > 0 and <= 10 && along.All(char.IsAsciiDigit))
            ? Read(text) with { Timeline = along }
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{timeline}' is no timeline. Give latest, current or a number, such as 2.", timeline);
    }

    private static RecoveryTarget Read(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        text = text.Trim();
        if (string.Equals(text, "latest", StringComparison.OrdinalIgnoreCase))
        {
            return new RecoveryTarget("", "");
        }

        if (PlaceInLog().IsMatch(text))
        {
            _ = Lsn.Parse(text);
            return new RecoveryTarget("recovery_target_lsn", text.ToUpperInvariant()) { Place = text };
        }

        if (text.All(char.IsAsciiDigit))
        {
            return new RecoveryTarget("recovery_target_xid", text);
        }

        // A restore point may have nearly any name, but nobody who writes 'yesterday 14:00' means one.
        if (char.IsAsciiDigit(text[0]) || DayInWords().IsMatch(text))
        {
            return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment)
                ? new RecoveryTarget("recovery_target_time", moment.ToString("yyyy-MM-dd HH:mm:ss.ffffff'+00'", CultureInfo.InvariantCulture)) { Moment = moment }
                : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no moment, such as 2026-11-21T14:03:00Z, and no place in a log, such as 16/B374D848.", text);
        }

        return text.Length <= 63 && !text.Any(char.IsControl)
            ? new RecoveryTarget("recovery_target_name", text)
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "The name of a restore point has up to 63 letters.", text);
    }

    /// <summary>Whether it is the end of the log.</summary>
    internal bool IsEnd => Setting.Length == 0;

    /// <summary>Whether a recovery from a base backup that ended there can stop at this target, as far as that can be told.</summary>
    internal bool IsAtOrAfter(DateTimeOffset ended, string endLsn) =>
        (Moment is null || Moment >= ended) && (Place is null || Lsn.Parse(Place) >= Lsn.Parse(endLsn));

    [GeneratedRegex("^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$")]
    private static partial Regex PlaceInLog();

    [GeneratedRegex("^(now|today|yesterday|tomorrow)(\\s+(at\\s+)?[0-9].*)?$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex DayInWords();
}
