using MaintenanceOps.Engine.Databases.Sqlite;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Logs of SQLite databases that must not be brought: each belongs to one state of its database, and SQLite would write its
/// pages into any other state that it lies beside. With its own database a log comes back, and alone where there is none.
/// </summary>
internal sealed class StrayLogs(RestorePlan plan, StagingAreas areas, TreeStage stage)
{
    /// <summary>Takes them out of what is staged, and notes them as not made.</summary>
    public void LeaveOut()
    {
        var logs = plan.Selection.Entries.Where(IsLog).ToList();
        var databases = logs.Select(l => DatabaseLogs.DatabaseOf(l.Path)!).ToHashSet(StringComparer.Ordinal);
        var entries = logs.Count == 0 ? [] : plan.Selection.Entries.Where(e => e.Kind != EntryKind.Folder && databases.Contains(e.Path)).ToDictionary(e => e.Path, StringComparer.Ordinal);
        foreach (var entry in logs)
        {
            if (HarmOf(entry, DatabaseLogs.DatabaseOf(entry.Path)!, entries) is { } harm)
            {
                using var folder = areas.Of(entry.Path).Brought.OpenParent(entry.Path);
                folder.Folder.Remove(FolderTree.NameOf(entry.Path));
                stage.Unmade[entry.Path] = new UnrestoredObject(PathCodec.Display(entry.Path), harm, "");
            }
        }
    }

    /// <summary>A link that is named like a log can lead to one.</summary>
    private bool IsLog(FileEntry entry) =>
        stage.Logs.Contains(entry.Path)
        || (DatabaseLogs.DatabaseOf(entry.Path) is not null && !stage.Unmade.ContainsKey(entry.Path) && entry.Kind is EntryKind.Link or EntryKind.HardLink
            && (entry.Kind == EntryKind.Link || stage.Logs.Contains(entry.Target)));

    private string? HarmOf(FileEntry log, string database, Dictionary<string, FileEntry> entries)
    {
        if (entries.TryGetValue(database, out var own) && !stage.Unmade.ContainsKey(database))
        {
            return own.Content == ContentKind.SqliteDatabase
                ? "It is the log of a SQLite database that is restored with all that its log held. Beside it, SQLite would write old pages into it."
                : null;
        }

        return StandsThere(database, log.Kind == EntryKind.Link)
            ? $"It is the log of another state of '{PathCodec.Display(database)}', which stands there and is not restored with it. SQLite would write its pages into that database. Restore the log to another folder."
            : null;
    }

    /// <summary>A link is no log for certain: it is one where a database is.</summary>
    private bool StandsThere(string path, bool onlyDatabase)
    {
        if (plan.Survey is not { } survey || !survey.HasFolder(FolderTree.ParentOf(path)))
        {
            return false;
        }

        using var folder = plan.Tree.OpenParent(path);
        var name = FolderTree.NameOf(path);
        return folder.Folder.Look(name) is { Kind: EntryKind.File or EntryKind.Link } there
            && (!onlyDatabase || there.Kind == EntryKind.Link || DatabaseLogs.IsDatabase(folder.Folder, name, there));
    }
}
