using MaintenanceOps.Engine.Histories;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Looks at the room on a volume: bytes, inodes, whether it can be written, and when it will be full.</summary>
public sealed class DiskProbe : IProbe
{
    /// <summary>Full within so many days is told today, whatever is free now.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromDays(7);

    private readonly string path;
    private readonly Amount degraded;
    private readonly Amount unhealthy;

    /// <param name="path">Any path on the volume.</param>
    /// <param name="degraded">Degraded where less is free; 20 % where it is null.</param>
    /// <param name="unhealthy">Unhealthy where less is free; 10 % where it is null.</param>
    public DiskProbe(string path, Amount? degraded = null, Amount? unhealthy = null)
    {
        this.path = System.IO.Path.GetFullPath(path);
        this.degraded = degraded ?? Amount.OfShare(0.20);
        this.unhealthy = unhealthy ?? Amount.OfShare(0.10);
    }

    /// <inheritdoc/>
    public string Kind => "disk";

    /// <inheritdoc/>
    public string Target => path;

    /// <summary>A network drive that hangs would hold a thread of the pool, so it gets one of its own.</summary>
    public Task<Observation> Observe(ProbeContext context) =>
        Task.Factory.StartNew(() => Look(context), context.Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private Observation Look(ProbeContext context)
    {
        var volume = VolumeFacts.Of(path);
        if (volume.Size == 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{path}' is on no disk: the system says that its volume has no room at all.", path);
        }

        var verdict = new Verdict();
        Tell(volume, verdict);
        JudgeRoom("bytes", ByteSize.Format(volume.Free), volume.Free, volume.Size, verdict);
        if (volume.Inodes > 0)
        {
            JudgeRoom("inodes", $"{volume.InodesFree:N0}", volume.InodesFree, volume.Inodes, verdict, shareOnly: true);
        }

        if (volume.IsReadOnly)
        {
            verdict.Unhealthy("it is mounted read-only, as after an error of the disk");
        }

        JudgeTrend(volume, context, verdict);
        return verdict.End(
            $"{ByteSize.Format(volume.Free)} of {ByteSize.Format(volume.Size)} free ({Share(volume.Free, volume.Size):0 %})",
            volume.Size - volume.Free,
            volume.Inodes > 0 ? volume.Inodes - volume.InodesFree : null);
    }

    private static void Tell(VolumeFacts volume, Verdict verdict)
    {
        verdict.Fact("Size", volume.Size);
        verdict.Fact("Free", volume.Free);
        verdict.Fact("FreeShare", Math.Round(Share(volume.Free, volume.Size), 4));
        verdict.Fact("InodesFreeShare", volume.Inodes > 0 ? Math.Round(Share(volume.InodesFree, volume.Inodes), 4) : null);
        verdict.Fact("ReadOnly", volume.IsReadOnly);
    }

    private void JudgeRoom(string what, string left, long free, long whole, Verdict verdict, bool shareOnly = false)
    {
        var reason = $"{left} {(what == "bytes" ? "" : what + " ")}free ({Share(free, whole):0.# %})";
        if ((!shareOnly || unhealthy.Share is not null) && unhealthy.IsMoreThan(free, whole))
        {
            verdict.Unhealthy($"{reason}, less than {unhealthy}");
        }
        else if ((!shareOnly || degraded.Share is not null) && degraded.IsMoreThan(free, whole))
        {
            verdict.Degraded($"{reason}, less than {degraded}");
        }
    }

    private static void JudgeTrend(VolumeFacts volume, ProbeContext context, Verdict verdict)
    {
        var past = context.Past();
        Judge(past, volume.Size - volume.Free, volume.Size, "", verdict);
        if (volume.Inodes > 0)
        {
            var inodes = past.Where(p => p.Other is not null).Select(p => p with { Value = p.Other!.Value });
            Judge([.. inodes], volume.Inodes - volume.InodesFree, volume.Inodes, "Inodes", verdict);
        }
    }

    private static void Judge(IReadOnlyList<PastFigure> past, long used, long whole, string what, Verdict verdict)
    {
        if (Forecast.Of(past, used, whole, DateTimeOffset.UtcNow) is not { } forecast)
        {
            return;
        }

        verdict.Fact($"{what}FullEarliest", forecast.Earliest);
        verdict.Fact($"{what}FullLikely", forecast.Likely);
        verdict.Fact($"{what}FullLatest", forecast.Latest);
        if (forecast.Likely < Soon)
        {
            verdict.Degraded($"{(what.Length > 0 ? "inodes " : "")}{forecast}");
        }
    }

    private static double Share(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}
