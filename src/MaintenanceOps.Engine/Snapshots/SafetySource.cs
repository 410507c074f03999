namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// The name under which the state before a restore is kept: a source of its own, so that it never is the latest of the
/// source that it saves.
/// </summary>
internal static class SafetySource
{
    private const string Suffix = "@before-restore";

    public static string Of(string source) => Is(source) ? source : source + Suffix;

    public static bool Is(string source) => source.EndsWith(Suffix, StringComparison.Ordinal);
}
