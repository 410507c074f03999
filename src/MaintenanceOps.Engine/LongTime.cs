namespace MaintenanceOps.Engine;

/// <summary>Timers of the system count milliseconds in 32 bits; who asks for longer waits for the longest that they can.</summary>
internal static class LongTime
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    public static TimeSpan ForTimer(TimeSpan time) => time < Longest ? time : Longest;
}
