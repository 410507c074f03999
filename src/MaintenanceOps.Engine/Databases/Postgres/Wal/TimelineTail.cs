namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>
/// What a server never hands over by itself when it begins a timeline. One that was promoted while it did not archive
/// keeps its history to itself; and what a standby got from its primary it takes for archived, though the primary may
/// have died before it came to that.
/// </summary>
internal sealed class TimelineTail(WalArchive archive, ulong system)
{
    /// <summary>
    /// Archives the histories that a file's timeline needs, before the file itself: no segment shall be there that a
    /// recovery cannot find. The first time, what is missing of the log before it follows.
    /// </summary>
    /// <param name="file">The file that is being archived.</param>
    /// <param name="content">Its content.</param>
    /// <param name="path">Where it is: among the other files of the server's log.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.WalConflict"/>: the archive has another history of this timeline.</exception>
    public void PushBefore(WalFile file, byte[] content, string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var own = file.IsHistory ? content : ReadIfThere(Path.Combine(folder, WalFile.History(file.Timeline).Name));
        if (own is null || TimelineHistory.Parse(file.Timeline, own) is not { } history)
        {
            return;
        }

        if (!file.IsHistory)
        {
            if (archive.Holds(system, WalFile.History(file.Timeline), own, path))
            {
                return;
            }

            foreach (var timeline in history.Ancestors.Skip(1).Select(a => a.Timeline))
            {
                if (ReadIfThere(Path.Combine(folder, WalFile.History(timeline).Name)) is { } ancestor)
                {
                    archive.PushKnown(system, WalFile.History(timeline), ancestor, folder);
                }
            }

            archive.PushKnown(system, WalFile.History(file.Timeline), own, folder);
        }
        else if (archive.Holds(system, file, own, path))
        {
            return;
        }

        PushEarlier(history, file, folder);
    }

    /// <summary>
    /// Archives the segments on the way to a file that are still in the server's folder and not in the archive. Those of an
    /// ancestor are whole up to the one in which the next timeline began. Files behind that are prepared ones, or given up.
    /// </summary>
    private void PushEarlier(TimelineHistory history, WalFile file, string folder)
    {
        var here = Directory.EnumerateFiles(folder).Select(Path.GetFileName).Where(n => WalFile.TryParse(n!, out var f) && f.IsSegment).Select(n => WalFile.Parse(n!)).ToList();
        if (here.Count == 0)
        {
            return;
        }

        var size = new FileInfo(Path.Combine(folder, here[0].Name)).Length;
        var archived = archive.Files(system).Select(f => f.File).ToHashSet();
        foreach (var segment in here.Where(s => !archived.Contains(s) && IsWhole(s)).OrderBy(s => s.Name, StringComparer.Ordinal))
        {
            if (ReadIfThere(Path.Combine(folder, segment.Name)) is { } content && segment.IsIn(content) && WalFile.Identify(content)!.Value.System == system)
            {
                archive.PushKnown(system, segment, content, folder);
            }
        }

        bool IsWhole(WalFile segment)
        {
            var number = segment.Number(size);
            var begun = history.Ancestors.Where(a => a.Timeline < segment.Timeline).Select(a => a.End / (ulong)size).DefaultIfEmpty(0UL).Max();
            return number >= begun && (segment.Timeline == history.Timeline
                ? file.IsSegment && number < file.Number(size)
                : history.Ancestors.Any(a => a.Timeline == segment.Timeline && number < a.End / (ulong)size));
        }
    }

    private static byte[]? ReadIfThere(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
