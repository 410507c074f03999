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
        var recoverable = new List<string>();
        var ownMoment = new List<string>();
        if (segments.Count > 0)
        {
            findings.AddRange(archive.Gaps(system, segments[0].File.Name));
            foreach (var (id, from) in bases)
            {
                if (IsBefore(from, segments[0].File) && bases.Exists(b => !IsBefore(b.Base, segments[0].File)))
                {
                    // A prune with a recovery window took its log away, and left that of a later one.
                    ownMoment.Add(id[..8]);
                }
                else if (archive.Gaps(system, from.StartSegment) is [var gap, ..])
                {
                    findings.Add($"A recovery from base backup {id[..8]} ends early: {gap}.");
                }
                else
                {
                    recoverable.Add(id[..8]);
                }
            }
        }

        findings.AddRange(Branches(system, files));
        if (level >= VerificationLevel.Full)
        {
            findings.AddRange(ReadAll(system, files, cancellation));
        }

        // By time, and not by name: an old timeline may go on beside a newer one.
        WalFile? newest = segments.Count > 0 ? segments.OrderBy(s => s.Stored.Modified).Last().File : null;
        return new WalArchiveState
        {
            Repository = repository.Location,
            System = system,
            First = segments.Count > 0 ? segments[0].File.Name : "",
            Last = newest?.Name ?? "",
            LastArchived = segments.Count > 0 ? segments.Max(s => s.Stored.Modified) : null,
            Segments = segments.Count,
            StoredSize = files.Sum(f => f.Stored.Size),
            RecoverableFrom = recoverable,
            OwnMomentOnly = ownMoment,
            Findings = findings,
        };
    }

    /// <summary>
    /// A new timeline is right where a server was restored or promoted and the old one has ended. Where the old one goes on
    /// archiving, a copy archives beside it, and a recovery to the latest timeline follows the copy.
    /// </summary>
    private IEnumerable<string> Branches(ulong system, IReadOnlyList<(WalFile File, Storage.StoredObject Stored)> files)
    {
        foreach (var (history, stored) in files.Where(f => f.File.IsHistory))
        {
            if (TimelineHistory.Parse(ReadOrNothing(system, history)) is not { } branch)
            {
                continue;
            }

            var began = files.Where(f => f.File.Timeline == history.Timeline).Min(f => f.Stored.Modified);
            if (files.Any(f => f.File.IsSegment && f.File.Timeline == branch.Parent && f.Stored.Modified > began))
            {
                yield return $"Timeline {history.Timeline} branched off timeline {branch.Parent} at {branch.Lsn}, and timeline {branch.Parent} was archived after that: a copy of the cluster archives into the same place. Stop its archiving, and recover with -TargetTimeline {branch.Parent} until there is a base backup on the right one.";
            }
        }
    }

    private byte[] ReadOrNothing(ulong system, WalFile file)
    {
        try
        {
            return SealedFile.Read(repository, WalArchive.ObjectName(system, file)) ?? [];
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            // A full check names it.
            return [];
        }
    }

    private static bool IsBefore(BaseBackupFacts from, WalFile first) =>
        WalFile.Parse(from.StartSegment).Number(from.SegmentSize) < first.Number(from.SegmentSize);

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
