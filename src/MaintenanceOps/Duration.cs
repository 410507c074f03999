using System.Globalization;

namespace MaintenanceOps;

/// <summary>Time spans as people read them.</summary>
public static class Duration
{
    /// <summary>A time span with the units that matter, such as <c>85 ms</c>, <c>1.24 s</c>, <c>2m 05s</c>, <c>1h 10m</c> or <c>7d 02h</c>.</summary>
    public static string Format(TimeSpan span) => span switch
    {
        _ when span < TimeSpan.Zero => "-" + Format(-span),
        { TotalMilliseconds: < 999.5 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0} ms"),
        { TotalSeconds: < 59.95 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0#} s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes}m {span.Seconds:00}s"),
        { TotalDays: < 3 } => string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalHours}h {span.Minutes:00}m"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalDays}d {span.Hours:00}h"),
    };

    /// <summary>Reads a duration such as <c>500ms</c>, <c>90s</c>, <c>15m</c>, <c>12h</c>, <c>7d</c>, <c>2w</c> or <c>1d12h</c>; a hundred years at most.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(text);
        duration = TimeSpan.Zero;
        var seconds = 0.0;
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsAsciiDigit(text[i]) || text[i] == '.')
            {
                continue;
            }

            var (unit, letters) = UnitAt(text, i);
            if (unit == 0 || !double.TryParse(text.AsSpan(start, i - start), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            seconds += number * unit;
            i += letters - 1;
            start = i + 1;
        }

        // A century is longer than anything that is meant, and shorter than what a TimeSpan or a date can bear.
        if (start != text.Length || text.Length == 0 || seconds > 36525 * 86400.0)
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>The seconds of the unit at a place, and of how many letters it is; zero where there is none.</summary>
    private static (double Seconds, int Letters) UnitAt(string text, int at) => char.ToLowerInvariant(text[at]) switch
    {
        'm' when at + 1 < text.Length && char.ToLowerInvariant(text[at + 1]) == 's' => (0.001, 2),
        's' => (1, 1),
        'm' => (60, 1),
        'h' => (3600, 1),
        'd' => (86400, 1),
        'w' => (604800, 1),
        _ => (0, 1),
    };
}
