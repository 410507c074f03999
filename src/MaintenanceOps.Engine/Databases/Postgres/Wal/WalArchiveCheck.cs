using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>Looks at the log archives of a repository: gaps, damage, and which base backups can be recovered.</summary>
public sealed class WalArchiveCheck(Repository repository, IOperationSink sink)
{
    /// <summary>Checks the archive of each cluster.</summary>
    /// <param name="level"><see cref="VerificationLevel.Quick"/> goes by names; <see cref="VerificationLevel.Full"/> reads every byte.</param>
    /// <param name="cancellation">Ends the check.</param>
    public IEnumerable<WalArchiveState> Run(VerificationLevel level, CancellationToken cancellation = default)
    {
        using var lease = repository.ShareForReading("log archive check", cancellation);
        var archive = new WalArchive(repository);
        var bases = WalRetention.BaseBackups(repository).ToLookup(b => b.Facts.System, b => (b.Id, Base: b.Facts.Base!));
        foreach (var system in archive.Systems().Union(bases.Select(b => b.Key)).Order().ToList())
        {
            cancellation.ThrowIfCancellationRequested();
            yield return Check(archive, system, [.. bases[system]], level, cancellation);
        }
    }

    private WalArchiveState Check(WalArchive archive, ulong system, List<(string Id, BaseBackupFacts Base)> bases, VerificationLevel level, CancellationToken cancellation)
    {
        var files = archive.Files(system);
        var segments = files.Where(f => f.File.IsSegment).ToList();
        var findings = new List<string>();
        var log = archive.Timelines(system, bases.Count > 0 ? bases[0].Base.SegmentSize : null, e => findings.Add(e.Message));
        var lines = new BaseBackupLines(log, bases);
        if (segments.Count > 0)
        {
            findings.AddRange(log.WithoutHistory(bases.Select(b => b.Base.Timeline)).Select(t =>
                $"Segments of timeline {t} are archived, and its history {WalFile.History(t)} is not: no recovery from an older timeline finds them. Run 'mops wal-push pg_wal/{WalFile.History(t)}' in the data directory of the server that writes them, or take a new base backup of it."));
            findings.AddRange(log.Timelines.SelectMany(log.Gaps).Select(g => $"{g}."));
            lines.Follow(findings);
        }

        findings.AddRange(Branches(log, files));
        if (level >= VerificationLevel.Full)
        {
            findings.AddRange(ReadAll(system, files, cancellation).Where(f => !findings.Contains(f)));
        }

        // By time, and not by name: an old timeline may go on beside a newer one.
        WalFile? newest = segments.Count > 0 ? segments.OrderBy(s => s.Stored.Modified).ThenBy(s => s.File.Name, StringComparer.Ordinal).Last().File : null;
        return new WalArchiveState
        {
            Repository = repository.Location,
            System = system,
            First = segments.Count > 0 ? segments[0].File.Name : "",
            Last = newest?.Name ?? "",
            LastArchived = segments.Count > 0 ? segments.Max(s => s.Stored.Modified) : null,
            Segments = segments.Count,
            StoredSize = files.Sum(f => f.Stored.Size),
            Timeline = log.NewestTimeline ?? 0,
            RecoverableFrom = lines.Recoverable,
            OwnMomentOnly = lines.OwnMomentOnly,
            OtherTimelineOnly = lines.OtherTimelineOnly,
            Findings = findings,
        };
    }

    /// <summary>
    /// A new timeline is right where a server was restored or promoted and the old one has ended. Where the old one goes on
    /// archiving, a copy archives beside it, and a recovery to the latest timeline follows the copy.
    /// </summary>
    private static IEnumerable<string> Branches(WalTimelines log, IReadOnlyList<(WalFile File, Storage.StoredObject Stored)> files)
    {
        foreach (var history in log.Histories)
        {
            var (timeline, parent) = (history.Timeline, history.Parent!.Value);
            var began = files.Where(f => f.File.Timeline == timeline).Min(f => f.Stored.Modified);
            if (files.Any(f => f.File.IsSegment && f.File.Timeline == parent.Timeline && f.Stored.Modified > began && f.File.Number((long)log.Size) >= parent.End / log.Size))
            {
                yield return $"Timeline {timeline} branched off timeline {parent.Timeline} at {Lsn.Format(parent.End)}, and timeline {parent.Timeline} was archived after that: a copy of the cluster archives into the same place. Stop its archiving, and recover with -TargetTimeline {parent.Timeline} until there is a base backup on the right one.";
            }
        }
    }

    private IEnumerable<string> ReadAll(ulong system, IReadOnlyList<(WalFile File, Storage.StoredObject Stored)> files, CancellationToken cancellation)
    {
        for (var i = 0; i < files.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            string? problem = null;
            try
            {
                var content = SealedFile.Read(repository, WalArchive.ObjectName(system, files[i].File));
                problem = content is null ? $"{files[i].File} is missing." : null;
            }
            catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
            {
                problem = e.Message;
            }

            sink.Progress($"Testing the log of {system}", i + 1, files.Count, "files");
            if (problem is not null)
            {
                yield return problem;
            }
        }
    }
}
