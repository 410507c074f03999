using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>A place in the log, as PostgreSQL writes it: <c>16/B374D848</c>.</summary>
internal static class Lsn
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static ulong Parse(string text) => TryParse(text, out var lsn)
        ? lsn
        : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is not a place in a log, such as 16/B374D848.", text);

    public static bool TryParse(string text, out ulong lsn)
    {
        lsn = 0;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0
            || !uint.TryParse(text.AsSpan(0, slash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !uint.TryParse(text.AsSpan(slash + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
        {
            return false;
        }

        lsn = ((ulong)high << 32) | low;
        return true;
    }

    public static string Format(ulong lsn) => string.Create(CultureInfo.InvariantCulture, $"{lsn >> 32:X}/{lsn & uint.MaxValue:X}");
}
