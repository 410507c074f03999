namespace MaintenanceOps.Engine.Files;

/// <summary>
/// A moment of a file, in seconds since 1970 UTC and the nanoseconds that follow them. File systems keep times that 64 bits
/// of nanoseconds cannot: those before 1677 and after 2262.
/// </summary>
/// <param name="Seconds">Whole seconds, rounded down; negative before 1970.</param>
/// <param name="Nanoseconds">0 to 999,999,999, which follow the seconds.</param>
internal readonly record struct FileTime(long Seconds, int Nanoseconds) : IComparable<FileTime>
{
    private const long Second = 1_000_000_000;

    /// <summary>Seconds that a time in nanoseconds of 64 bits can have.</summary>
    private const long MaxCountable = (long.MaxValue / Second) - 1;

    /// <summary>Whether 64 bits of nanoseconds can hold it.</summary>
    public bool IsCountable => Seconds is >= -MaxCountable and <= MaxCountable;

    /// <summary>Nanoseconds since 1970; the nearest that 64 bits can hold.</summary>
    public long Count => IsCountable ? (Seconds * Second) + Nanoseconds : Seconds < 0 ? long.MinValue : long.MaxValue;

    public static FileTime OfNanoseconds(long count)
    {
        var seconds = Math.DivRem(count, Second, out var rest);
        return rest < 0 ? new FileTime(seconds - 1, (int)(rest + Second)) : new FileTime(seconds, (int)rest);
    }

    public static FileTime Of(DateTimeOffset time) => Of((time - DateTimeOffset.UnixEpoch).Ticks);

    /// <summary>A moment in UTC that .NET's own file API told.</summary>
    public static FileTime Of(DateTime time) => Of((time - DateTime.UnixEpoch).Ticks);

    /// <summary>The moment as .NET has it, in tenths of a microsecond; the nearest one that it can express.</summary>
    public DateTimeOffset ToDateTimeOffset() =>
        Seconds < (DateTimeOffset.MinValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerSecond ? DateTimeOffset.MinValue
        : Seconds >= (DateTimeOffset.MaxValue - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerSecond ? DateTimeOffset.MaxValue
        : DateTimeOffset.UnixEpoch.AddTicks((Seconds * TimeSpan.TicksPerSecond) + (Nanoseconds / 100));

    public int CompareTo(FileTime other) => Seconds != other.Seconds ? Seconds.CompareTo(other.Seconds) : Nanoseconds.CompareTo(other.Nanoseconds);

    public static bool operator <(FileTime a, FileTime b) => a.CompareTo(b) < 0;

    public static bool operator >(FileTime a, FileTime b) => a.CompareTo(b) > 0;

    public static bool operator <=(FileTime a, FileTime b) => a.CompareTo(b) <= 0;

    public static bool operator >=(FileTime a, FileTime b) => a.CompareTo(b) >= 0;

    private static FileTime Of(long ticks)
    {
        var seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest);
        return rest < 0
            ? new FileTime(seconds - 1, (int)((rest + TimeSpan.TicksPerSecond) * 100))
            : new FileTime(seconds, (int)(rest * 100));
    }
}
