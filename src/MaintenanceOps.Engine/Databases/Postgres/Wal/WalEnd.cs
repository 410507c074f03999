using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>Tells the end of an archived log from a gap in it, for a server that asks for a segment which is not there.</summary>
internal sealed class WalEnd(Repository repository, ulong system)
{
    /// <summary>
    /// Whether the log goes on behind a segment that is missing: a later segment of its timeline is archived, as far as 256
    /// to 511 segments ahead, or one of a timeline that branched off later. Few names are listed, because each recovery
    /// asks for what is behind the end.
    /// </summary>
    public bool IsBehind(WalFile missing)
    {
        var later = missing.NamesAhead.SelectMany(prefix => Later(missing, missing.Timeline, prefix)).Any() || Children(missing).Any();

        // It may have come while we looked: a server that has fallen behind archives several segments at once.
        return later && SealedFile.Find(repository, WalArchive.ObjectName(system, missing)) is null;
    }

    /// <summary>The timelines that branched off the segment's own one in a later segment.</summary>
    private IEnumerable<uint> Children(WalFile missing)
    {
        for (var next = missing.Timeline + 1; SealedFile.Read(repository, WalArchive.ObjectName(system, WalFile.History(next))) is { } content; next++)
        {
            if (TimelineHistory.Parse(next, content) is { Parent: { } parent }
                && parent.Timeline == missing.Timeline
                && Later(missing, next, "").FirstOrDefault() is { Name: not null } other
                && SealedFile.Find(repository, WalArchive.ObjectName(system, other))?.Size is > 0 and var size
                && missing.Number(size) < parent.End / (ulong)size)
            {
                yield return next;
            }
        }
    }

    private IEnumerable<WalFile> Later(WalFile missing, uint timeline, string prefix)
    {
        var folder = WalArchive.FolderOf(system, timeline);
        foreach (var stored in repository.Store.List(folder + prefix))
        {
            if (WalFile.TryParse(stored.Name[folder.Length..], out var file) && file.IsSegment && file.IsAfter(missing))
            {
                yield return file;
            }
        }
    }
}
