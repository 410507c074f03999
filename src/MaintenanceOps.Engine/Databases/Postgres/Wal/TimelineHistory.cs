using System.Globalization;
using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>Where a timeline began, as the last line of its history file tells: the parent, and the place in the log.</summary>
/// <param name="Parent">The timeline that it branched off.</param>
/// <param name="Lsn">The place, such as <c>0/3000110</c>.</param>
internal sealed record TimelineHistory(uint Parent, string Lsn)
{
    /// <summary>Reads a history file; null where it holds no branch.</summary>
    public static TimelineHistory? Parse(ReadOnlySpan<byte> file)
    {
        var last = Encoding.UTF8.GetString(file).Split('\n').Select(l => l.Split('#')[0].Trim()).LastOrDefault(l => l.Length > 0);
        return last?.Split('\t', StringSplitOptions.TrimEntries) is [var parent, var lsn, ..] && uint.TryParse(parent, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new TimelineHistory(number, lsn)
            : null;
    }
}
