using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>Chooses the timeline that a recovery goes along, and the base backups from which it can be reached.</summary>
internal sealed class RecoveryLine(Repository repository, RecoveryTarget target)
{
    private readonly Dictionary<ulong, WalTimelines> logs = [];

    /// <summary>Whether a recovery from this base backup can come to the target, as far as timelines and times tell.</summary>
    public bool LeadsFrom(PostgresFacts facts) =>
        facts.Base is { } from && target.IsAtOrAfter(from.Ended, from.EndLsn) && Problem(LogOf(facts), from, LineOf(LogOf(facts), from)) is null;

    /// <summary>The timeline with its ancestors.</summary>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.WalMissing"/>: its history is not archived; <see cref="ErrorCode.InvalidArgument"/>: it does not
    /// descend from the base backup's own one.
    /// </exception>
    public TimelineHistory From(PostgresFacts facts)
    {
        var (log, from) = (LogOf(facts), facts.Base!);
        var line = LineOf(log, from);
        return Problem(log, from, line) is { } problem ? throw problem : line;
    }

    /// <summary>What is archived of the cluster.</summary>
    public WalTimelines LogOf(PostgresFacts facts)
    {
        if (!logs.TryGetValue(facts.System, out var log))
        {
            logs[facts.System] = log = new WalArchive(repository).Timelines(facts.System, facts.Base!.SegmentSize);
        }

        return log;
    }

    private TimelineHistory LineOf(WalTimelines log, BaseBackupFacts from) => log.LineOf(target.Timeline switch
    {
        "latest" => Math.Max(log.NewestTimeline ?? 0, from.Timeline),
        "current" => from.Timeline,
        var number => uint.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var named) ? named : 0,
    });

    private MaintenanceException? Problem(WalTimelines log, BaseBackupFacts from, TimelineHistory line)
    {
        if (line.Timeline == 0 || line.Timeline > Math.Max(log.NewestTimeline ?? 0, from.Timeline))
        {
            return new MaintenanceException(ErrorCode.InvalidArgument, $"Nothing of timeline {target.Timeline} is archived in {repository.Location}. The newest one is {log.NewestTimeline ?? from.Timeline}.", target.Timeline);
        }

        if (line.Passes(from.Timeline, from.EndPlace))
        {
            return null;
        }

        return line.Ancestors.Count == 0 && line.Timeline > from.Timeline
            ? new MaintenanceException(
                ErrorCode.WalMissing,
                $"Segments of timeline {line.Timeline} are archived in {repository.Location}, and its history {WalFile.History(line.Timeline)} is not, so nothing tells where it branched off. Run 'mops wal-push pg_wal/{WalFile.History(line.Timeline)}' in the data directory of the server that writes them; or give -TargetTimeline {from.Timeline}, which leaves out what was committed on timeline {line.Timeline}.",
                WalFile.History(line.Timeline).Name)
            : new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"The base backup ended on timeline {from.Timeline} at {from.EndLsn}, which is not in the past of timeline {line.Timeline}{Left(line, from)}. Choose an older base backup, or one of timeline {line.Timeline}; or give -TargetTimeline current, which leaves out what was committed on timeline {line.Timeline}.",
                target.Timeline);
    }

    private static string Left(TimelineHistory line, BaseBackupFacts from) =>
        line.Ancestors.FirstOrDefault(a => a.Timeline == from.Timeline) is { Timeline: > 0 } branch ? $": that one left it at {Lsn.Format(branch.End)}" : "";
}
