using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>
/// Which files of the log archive no recovery can need any more: those before the first segment of the oldest base backup
/// that is kept, or, with a window, of the newest one that was there when the window began. A base backup brings the log
/// of its own moment along, so the older ones still restore to that. A cluster without a base backup keeps all of its
/// log, because its next one may still be on its way.
/// </summary>
internal static class WalRetention
{
    /// <summary>
    /// The base backups of a repository. One whose manifest cannot be read, was removed meanwhile, or does not say where in
    /// the log it begins, is left out: a check tells of it, and a prune refuses before it comes here.
    /// </summary>
    public static IEnumerable<(string Id, PostgresFacts Facts)> BaseBackups(Repository repository)
    {
        foreach (var id in repository.ManifestIds())
        {
            PostgresFacts? facts;
            try
            {
                facts = repository.ReadManifest(id).Postgres;
            }
            catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound)
            {
                continue;
            }

            if (facts?.Base is { } from && WalFile.TryParse(from.StartSegment, out var start) && start.IsSegment)
            {
                yield return (id, facts);
            }
        }
    }

    /// <summary>The objects' names. A timeline's history is small and always kept.</summary>
    public static IReadOnlyList<string> Obsolete(Repository repository, TimeSpan? window)
    {
        var bases = BaseBackups(repository).ToLookup(b => b.Facts.System, b => b.Facts.Base!);
        var archive = new WalArchive(repository);
        var obsolete = new List<string>();
        foreach (var system in archive.Systems().Where(bases.Contains))
        {
            var size = bases[system].Max(b => b.SegmentSize);
            if (size <= 0)
            {
                // Nothing tells which files lie before them, so all of them stay.
                continue;
            }

            var ordered = bases[system].OrderBy(b => b.Ended).ToList();
            var begin = Begin(repository, archive.Files(system), window);
            var first = ordered.LastOrDefault(b => b.Ended <= begin) ?? ordered[0];
            var oldest = ordered.SkipWhile(b => b != first).Min(b => WalFile.Parse(b.StartSegment).Number(size));
            obsolete.AddRange(archive.Files(system).Where(f => !f.File.IsHistory && f.File.Number(size) < oldest).Select(f => f.Stored.Name));
        }

        return obsolete;
    }

    /// <summary>The window ends when the newest file came, unless that lies ahead: a clock that is a year fast must not cost the log.</summary>
    private static DateTimeOffset Begin(Repository repository, IReadOnlyList<(WalFile File, StoredObject Stored)> files, TimeSpan? window)
    {
        if (window is not { } length)
        {
            return DateTimeOffset.MinValue;
        }

        var (now, newest) = (repository.Time.GetUtcNow(), files.Max(f => f.Stored.Modified));
        return (newest < now ? newest : now) - length;
    }
}
