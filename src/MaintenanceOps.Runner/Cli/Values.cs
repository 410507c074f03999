using System.CommandLine.Parsing;
using System.Globalization;
using MaintenanceOps.Engine.Health.Probes;

namespace MaintenanceOps.Runner.Cli;

/// <summary>Reads the values that need more than the parser knows: durations, moments, words of a few, time zones.</summary>
internal static class Values
{
    public static TimeSpan? Duration(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (MaintenanceOps.Duration.TryParse(text, out var duration))
        {
            return duration;
        }

        result.AddError($"'{text}' is no duration. Write it as 30s, 15m, 12h, 7d or 2w.");
        return null;
    }

    /// <summary>A date, a moment (UTC unless it says otherwise, as all tables show it) or an age such as <c>7d</c>.</summary>
    public static DateTimeOffset? Moment(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (MaintenanceOps.Duration.TryParse(text, out var age))
        {
            return DateTimeOffset.UtcNow - age;
        }

        string[] formats = ["yyyy-MM-dd", "yyyy-MM-ddTHH:mm", "yyyy-MM-dd HH:mm", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-dd HH:mm:ss", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK", "yyyy-MM-ddTHH:mmK"];
        if (DateTimeOffset.TryParseExact(text, formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment))
        {
            return moment;
        }

        result.AddError($"'{text}' is no moment. Write it as 2026-11-21, 2026-11-21T03:00, 2026-11-21T03:00:00+01:00, or an age such as 7d.");
        return null;
    }

    /// <summary>A level, of those that are allowed.</summary>
    public static VerificationLevel Level(ArgumentResult result, params VerificationLevel[] allowed) => Word(result, result.Tokens[0].Value, "level", allowed);

    /// <summary>The state that a good snapshot must be in.</summary>
    public static SnapshotState? State(ArgumentResult result)
    {
        try
        {
            return BackupProbe.ParseState(result.Tokens[0].Value);
        }
        catch (MaintenanceException e)
        {
            result.AddError(e.Message);
            return null;
        }
    }

    /// <summary>One word of a few. The parser itself would take numbers and lists for it, as if they were of them.</summary>
    public static T Word<T>(ArgumentResult result, string text, string what, params T[] allowed)
        where T : struct, Enum
    {
        foreach (var word in allowed)
        {
            if (string.Equals(text, word.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                return word;
            }
        }

        result.AddError($"'{text}' is no {what}. Use {string.Join(", ", allowed.Select(l => l.ToString().ToLowerInvariant()))}.");
        return default;
    }

    public static TimeZoneInfo? TimeZone(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (string.Equals(text, "local", StringComparison.OrdinalIgnoreCase))
        {
            return TimeZoneInfo.Local;
        }

        if (TimeZoneInfo.TryFindSystemTimeZoneById(text, out var zone))
        {
            return zone;
        }

        result.AddError($"This system knows no time zone '{text}'. Write it as Europe/Berlin, UTC or local.");
        return null;
    }

    /// <summary>Two values as <c>old=new</c>; further equals signs belong to the second one.</summary>
    public static KeyValuePair<string, string> Pair(string text) => text.Split('=', 2) is [{ Length: > 0 } key, { Length: > 0 } value]
        ? new(key, value)
        : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no pair. Write it as name=value.", text);

    /// <summary>A value, or with <c>env:NAME</c> that of a variable: a process's arguments can be read by everybody.</summary>
    public static string? FromEnvironment(string? given)
    {
        const string Prefix = "env:";
        return given?.StartsWith(Prefix, StringComparison.Ordinal) == true
            ? Environment.GetEnvironmentVariable(given[Prefix.Length..])
                ?? throw new MaintenanceException(ErrorCode.InvalidArgument, $"The variable '{given[Prefix.Length..]}' is not set.", given)
            : given;
    }
}
