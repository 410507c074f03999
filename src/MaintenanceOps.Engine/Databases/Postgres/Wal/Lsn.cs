using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>A place in the log, as PostgreSQL writes it: <c>16/B374D848</c>.</summary>
internal static class Lsn
{
    public static ulong Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0
            && uint.TryParse(text.AsSpan(0, slash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            && uint.TryParse(text.AsSpan(slash + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low)
            ? ((ulong)high << 32) | low
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no place in a log, such as 16/B374D848.", text);
    }
}
