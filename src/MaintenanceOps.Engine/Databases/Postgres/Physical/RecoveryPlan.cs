using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// How a server is told to recover, made from what is archived before anything is written: along which timeline, to which
/// place, and what it must have reached at its end.
/// </summary>
internal sealed class RecoveryPlan
{
    /// <summary>An idle server archives segments without a transaction for days; not all of them are read.</summary>
    private const int MaxRead = 64;

    private readonly WalArchive archive;
    private readonly PostgresFacts facts;
    private readonly RecoveryTarget target;
    private readonly WalTimelines log;
    private readonly WalRoute route;

    private RecoveryPlan(Repository repository, PostgresFacts facts, RecoveryTarget target, RecoveryLine line)
    {
        archive = new WalArchive(repository);
        (this.facts, this.target) = (facts, target);
        log = line.LogOf(facts);
        route = new WalRoute(log, line.From(facts), facts.Base!.LastPlace);
        Settings = SettingsOf(null);
    }

    /// <summary>The server's settings beside <c>restore_command</c>, in order.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings { get; private set; }

    /// <summary>The timeline that it goes along.</summary>
    public uint Timeline => route.Timeline;

    /// <summary>Where the last record begins that it has to replay; null where the target says where it stops.</summary>
    public ulong? LastRecord { get; private set; }

    /// <summary>It in words.</summary>
    public string Words => string.Create(
        CultureInfo.InvariantCulture,
        $"The recovery goes along timeline {Timeline} {(target.IsEnd ? $"to the end of the archived log, segment {route.Last}{(LastRecord is { } last ? $" (record {Lsn.Format(last)})" : "")}" : $"to {target.Value}")}.");

    /// <summary>Makes the plan.</summary>
    /// <param name="repository">The archive's repository.</param>
    /// <param name="sink">Told of what is doubtful.</param>
    /// <param name="snapshot">The base backup.</param>
    /// <param name="facts">What it says of its cluster.</param>
    /// <param name="target">How far to recover.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.InvalidArgument"/>: the target lies before the base backup's end, or on a timeline that does not
    /// descend from its own; <see cref="ErrorCode.WalMissing"/>: the log on the way there has a gap.
    /// </exception>
    public static RecoveryPlan Make(Repository repository, IOperationSink sink, Snapshot snapshot, PostgresFacts facts, RecoveryTarget target)
    {
        var from = facts.Base!;
        if (!target.IsAtOrAfter(from.Ended, from.EndLsn))
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"Snapshot {snapshot.ShortId} reaches from {from.Ended:yyyy-MM-dd HH:mm:ss} UTC ({from.EndLsn}) on. Choose an older base backup of '{snapshot.Source}' for an earlier moment.",
                snapshot.Id);
        }

        var line = new RecoveryLine(repository, target);
        var plan = new RecoveryPlan(repository, facts, target, line);
        if (plan.route.Missing is [var gap, ..])
        {
            plan.StopBeforeGap(repository, sink, snapshot, gap);
            return plan;
        }

        plan.TellOfTheFuture(sink);
        if (plan.route.StopBefore is null && target.IsEnd)
        {
            plan.LastRecord = plan.Newest(s => s.LastRecord);
        }

        return plan;
    }

    /// <summary>What to do where the archive does not reach the target.</summary>
    public const string LogEndsEarly = "Where the server still runs, 'select pg_switch_wal()' there sends what it has; else choose an earlier moment.";

    /// <summary>A gap behind the target does not matter; one before it cannot be passed.</summary>
    private void StopBeforeGap(Repository repository, IOperationSink sink, Snapshot snapshot, MissingLog gap)
    {
        var number = gap.First.Number((long)log.Size);
        if (target.Place is { } place && Lsn.Parse(place) < number * log.Size)
        {
            return;
        }

        if (target.Moment is { } moment && ReachesBefore(number, gap, moment, sink))
        {
            return;
        }

        if (!target.IsEnd && target.Moment is null && target.Place is null && route.Last is not null)
        {
            sink.Warn($"The log of cluster {facts.System} has a gap: {gap}. Where '{target.Value}' does not lie before it, the recovery ends with an error.");
            return;
        }

        throw new MaintenanceException(
            ErrorCode.WalMissing,
            $"The log of cluster {facts.System} in {repository.Location} has a gap on timeline {Timeline}: {gap}. A recovery from {snapshot.ShortId} cannot pass it; choose a moment before it.",
            gap.First.Name);
    }

    /// <summary>
    /// A server stops at the first transaction that ended after the moment. Where that one lies in the gap, nothing in the
    /// log says so. The last segment before it, if it was archived after the moment, holds all that was committed by then;
    /// the recovery then goes to that segment's end. The time is believed only where it fits what follows the gap: a copied
    /// archive has other ones.
    /// </summary>
    private bool ReachesBefore(ulong gapNumber, MissingLog gap, DateTimeOffset moment, IOperationSink sink)
    {
        if (gapNumber == 0 || !log.Has(route.Segment(gapNumber - 1).Timeline, gapNumber - 1))
        {
            return false;
        }

        var before = Segments(route.Backwards(gapNumber - 1));
        if (before.Select(s => s.LastEnded).FirstOrDefault(t => t is not null) > moment)
        {
            return true;
        }

        var last = route.Segment(gapNumber - 1);
        var archived = archive.Files(facts.System).First(f => f.File == last).Stored.Modified;
        var behind = gap.Last.Number((long)log.Size) + 1;
        var after = Segments(route.Forwards(behind)).Select(s => s.FirstEnded).FirstOrDefault(t => t is not null);
        if (archived <= moment || after is null || after < archived || before.Select(s => s.LastRecord).FirstOrDefault(r => r is not null) is not { } end)
        {
            return false;
        }

        sink.Warn($"The log has a gap behind the moment: {gap}. Segment {last} was archived at {archived:yyyy-MM-dd HH:mm:ss} UTC, after it, and nothing later is in the log before the gap; so the recovery goes to that segment's end.");
        Settings = SettingsOf(end);
        return true;
    }

    private void TellOfTheFuture(IOperationSink sink)
    {
        if (target.Moment is { } moment && Newest(s => s.LastEnded) is { } newest && newest <= moment)
        {
            sink.Warn($"The newest transaction that is archived on timeline {Timeline} ended at {newest:yyyy-MM-dd HH:mm:ss} UTC, not after {moment:yyyy-MM-dd HH:mm:ss} UTC, so a recovery ends with an error before it comes there. {LogEndsEarly}");
        }
    }

    /// <summary>What the newest segment on the way tells that tells it.</summary>
    private T? Newest<T>(Func<WalSegment, T?> tell)
        where T : struct =>
        route.Last is { } last ? Segments(route.Backwards(last.Number((long)log.Size))).Select(tell).FirstOrDefault(v => v is not null) : null;

    private IEnumerable<WalSegment> Segments(IEnumerable<WalFile> files) => files.Take(MaxRead).Select(f => archive.Segment(facts.System, f)).OfType<WalSegment>();

    /// <param name="end">Where the last record begins that is to be replayed, instead of the target.</param>
    private List<(string Name, string Value)> SettingsOf(ulong? end)
    {
        // The timeline is named and not left to the server, which finds the newest one by asking for one after the other.
        var from = facts.Base!;
        var isOwn = Timeline == from.Timeline && WalFile.TryParse(from.StartSegment, out var start) && start.Timeline == Timeline;
        var settings = new List<(string, string)> { ("recovery_target_timeline", isOwn ? "current" : Timeline.ToString(CultureInfo.InvariantCulture)) };
        if (end is { } last)
        {
            settings.Add(("recovery_target_lsn", Lsn.Format(last)));
        }
        else if (!target.IsEnd)
        {
            settings.Add((target.Setting, target.Value));
        }
        else if (route.StopBefore is { } branch)
        {
            settings.AddRange([("recovery_target_lsn", Lsn.Format(branch)), ("recovery_target_inclusive", "off")]);
        }

        if (settings.Count > 1)
        {
            settings.Add(("recovery_target_action", "promote"));
        }

        if (route.Missing.Count > 0 && facts.Version >= 150000)
        {
            // A server that reads ahead would come upon the gap before it has come to the target.
            settings.Add(("recovery_prefetch", "off"));
        }

        return settings;
    }
}
