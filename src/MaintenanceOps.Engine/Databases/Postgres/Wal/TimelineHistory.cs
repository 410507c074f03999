using System.Globalization;
using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>Where a line of descent leaves one of its timelines for the next one.</summary>
/// <param name="Timeline">The timeline that is left.</param>
/// <param name="End">The place in the log: what is before it belongs to this timeline, what follows to the next one.</param>
internal readonly record struct TimelineBranch(uint Timeline, ulong End);

/// <summary>
/// A timeline and those that it descends from, as its history file lists them: one line each, the oldest first, with the
/// place where the next one branched off.
/// </summary>
/// <param name="Timeline">The timeline itself.</param>
/// <param name="Ancestors">Its ancestors, the oldest first; none for a cluster's first timeline.</param>
internal sealed record TimelineHistory(uint Timeline, IReadOnlyList<TimelineBranch> Ancestors)
{
    /// <summary>The timeline that it branched off, and where; null for one without ancestors.</summary>
    public TimelineBranch? Parent => Ancestors.Count > 0 ? Ancestors[^1] : null;

    /// <summary>A timeline without ancestors, which has no history file.</summary>
    public static TimelineHistory Root(uint timeline) => new(timeline, []);

    /// <summary>Reads a history file; null where it holds no branch, or something else than one.</summary>
    public static TimelineHistory? Parse(uint timeline, ReadOnlySpan<byte> file)
    {
        var ancestors = new List<TimelineBranch>();
        foreach (var line in Encoding.UTF8.GetString(file).Split('\n').Select(l => l.Split('#')[0].Trim()).Where(l => l.Length > 0))
        {
            if (line.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries) is not [var ancestor, var end, ..]
                || !uint.TryParse(ancestor, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                || !Lsn.TryParse(end, out var lsn)
                || number >= timeline
                || (ancestors.Count > 0 && ancestors[^1].Timeline >= number))
            {
                return null;
            }

            ancestors.Add(new TimelineBranch(number, lsn));
        }

        return ancestors.Count > 0 ? new TimelineHistory(timeline, ancestors) : null;
    }

    /// <summary>Whether a place that was reached on a timeline lies on this line of descent.</summary>
    public bool Passes(uint timeline, ulong lsn)
    {
        if (timeline == Timeline)
        {
            return true;
        }

        foreach (var ancestor in Ancestors)
        {
            if (ancestor.Timeline == timeline)
            {
                return lsn <= ancestor.End;
            }
        }

        return false;
    }
}
