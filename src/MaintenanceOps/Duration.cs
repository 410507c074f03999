using System.Globalization;

namespace MaintenanceOps;

/// <summary>Time spans as people read them.</summary>
public static class Duration
{
    /// <summary>A time span with the units that matter, such as <c>85 ms</c>, <c>1.24 s</c>, <c>2m 05s</c> or <c>1h 10m</c>.</summary>
    public static string Format(TimeSpan span) => span switch
    {
        _ when span < TimeSpan.Zero => "-" + Format(-span),
        { TotalMilliseconds: < 999.5 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0} ms"),
        { TotalSeconds: < 59.95 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0#} s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes}m {span.Seconds:00}s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalHours}h {span.Minutes:00}m"),
    };
}
