using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>Follows the log from each base backup of a cluster along the timelines, and tells how far a recovery comes.</summary>
internal sealed class BaseBackupLines(WalTimelines log, IReadOnlyList<(string Id, BaseBackupFacts Base)> bases)
{
    private readonly List<string> recoverable = [];
    private readonly List<string> ownMoment = [];
    private readonly List<string> otherTimeline = [];

    /// <summary>Those from which a recovery reaches the newest record of the newest timeline.</summary>
    public IReadOnlyList<string> Recoverable => recoverable;

    /// <summary>Those whose log was pruned away.</summary>
    public IReadOnlyList<string> OwnMomentOnly => ownMoment;

    /// <summary>Those that were taken on a timeline after the newest one had left it.</summary>
    public IReadOnlyList<string> OtherTimelineOnly => otherTimeline;

    /// <summary>Follows all of them.</summary>
    /// <param name="findings">Gets what ends a recovery early.</param>
    public void Follow(List<string> findings)
    {
        foreach (var (id, from) in bases)
        {
            var line = log.LinesThrough(from.Timeline, from.EndPlace).First();
            var route = new WalRoute(log, line, from.LastPlace);
            if (IsPruned(from))
            {
                ownMoment.Add(id[..8]);
            }
            else if (route.Missing is [var first, ..])
            {
                findings.Add($"A recovery from base backup {id[..8]} ends early on timeline {line.Timeline}: {first}{(route.Missing.Count > 1 ? $", and {route.Missing.Count - 1} more stretches" : "")}.");
            }
            else if (line.Timeline == log.NewestTimeline)
            {
                recoverable.Add(id[..8]);
            }
            else
            {
                otherTimeline.Add(id[..8]);
            }
        }
    }

    /// <summary>A prune with a recovery window took its log away, and left that of a later one.</summary>
    private bool IsPruned(BaseBackupFacts from) => IsBeforeAll(from) && bases.Any(b => !IsBeforeAll(b.Base));

    private bool IsBeforeAll(BaseBackupFacts from) => log.Oldest is { } oldest && from.LastPlace / log.Size < oldest;
}
