using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>What a restore is going to do at its destination, known before anything is written.</summary>
internal sealed class RestorePlan
{
    public RestorePlan(Snapshot snapshot, RestoreOptions options, Selection selection, string destination, DestinationPath place, FolderTree tree, CancellationToken cancellation)
    {
        (Snapshot, Options, Selection, Destination, Place, Tree) = (snapshot, options, selection, destination, place, tree);
        if (place.Rest.Count == 0)
        {
            Survey = DestinationSurvey.Of(tree, selection, place.Folder.Path, cancellation);
            Conflicts = Survey.Conflicts;
            Standing = selection.Ways.Where(w => TreeAccess.Current.Facts(PathOf(w)) is { Kind: EntryKind.Folder }).ToHashSet(StringComparer.Ordinal);
        }
        else if (place.Folder.Look(place.Rest[0]) is not null)
        {
            Conflicts = new HashSet<string>(StringComparer.Ordinal) { place.Rest[0] };
        }
        else
        {
            Conflicts = new HashSet<string>();
        }
    }

    public Snapshot Snapshot { get; }

    public RestoreOptions Options { get; }

    public Selection Selection { get; }

    /// <summary>The destination as it was given, as a full path.</summary>
    public string Destination { get; }

    /// <summary>Where it leads.</summary>
    public DestinationPath Place { get; }

    /// <summary>The innermost folder of the destination that exists, with those below it.</summary>
    public FolderTree Tree { get; }

    /// <summary>What is at the destination; null where it does not exist or is no folder.</summary>
    public DestinationSurvey? Survey { get; }

    /// <summary>What moves out of the way, by its path below the folder of <see cref="Place"/>.</summary>
    public IReadOnlySet<string> Conflicts { get; }

    /// <summary>Folders that are there and only lie on the way to what is restored: they stay as they are.</summary>
    public IReadOnlySet<string> Standing { get; } = new HashSet<string>();

    /// <summary>Throws where the restore must not be made.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/> or <see cref="ErrorCode.DiskFull"/>.</exception>
    public void Refuse()
    {
        if (Place.Rest.Count > 1 && Conflicts.Count > 0)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{PathOf(Place.Rest[0])}' is no folder, so '{Destination}' cannot be made in it.", Destination);
        }

        RefuseConflicts();
        RefuseDatabasesInUse();
        RefuseLackOfRoom();
    }

    private void RefuseConflicts()
    {
        if (Conflicts.Count == 0 || Options.InPlace || Options.Force)
        {
            return;
        }

        var message = Survey is null
            ? $"'{Destination}' exists and is no folder."
            : $"{Conflicts.Count} of the entries exist in '{Destination}', such as '{PathCodec.Display(Conflicts.Order(TreeOrder.Instance).First())}'.";
        throw new MaintenanceException(ErrorCode.DestinationInUse, $"{message} Give another destination, or -Force to replace what is there.", Destination);
    }

    /// <summary>A process that has a database open would go on writing into the file that was moved away.</summary>
    private void RefuseDatabasesInUse()
    {
        foreach (var path in Options.Force || Survey is null ? [] : Survey.Databases.Keys.Select(DatabaseOf).Distinct())
        {
            if (DatabaseUsers.OfAnyone(PathOf(path)) is { Count: > 0 } users)
            {
                throw InUse(PathOf(path), $"is open in {string.Join(", ", users)}");
            }
        }

        var folder = Place.Rest.Aggregate(Place.Folder.Path, TreeAccess.Join);
        var databases = Options.Force ? [] : Selection.Entries.Where(e => e.Content == ContentKind.SqliteDatabase).Select(e => DatabaseLinks.Target(TreeAccess.Join(folder, e.Path))).ToHashSet(StringComparer.Ordinal);
        foreach (var (path, user) in DatabaseUsers.OfDeleted(databases))
        {
            throw InUse(path, $"was deleted or replaced, and {user} still has the old file open");
        }
    }

    private static MaintenanceException InUse(string path, string how) => new(
        ErrorCode.DestinationInUse,
        $"'{PathCodec.Display(path)}' {how}. Stop it first; with -Force it would go on writing into the old file.",
        path);

    private void RefuseLackOfRoom()
    {
        if (Options.Force)
        {
            // What is free is an estimate: compressing file systems and quotas have other ideas.
            return;
        }

        foreach (var (folder, bytes) in Survey?.Rooms ?? new Dictionary<string, long> { [""] = Selection.DataSize })
        {
            FreeSpace.Require(folder.Length == 0 ? Place.Folder.Path : PathOf(folder), bytes);
        }
    }

    private static string DatabaseOf(string path) =>
        DatabaseLogs.Suffixes.FirstOrDefault(s => path.EndsWith(s, StringComparison.Ordinal)) is { } suffix ? path[..^suffix.Length] : path;

    private string PathOf(string path) => TreeAccess.Join(Place.Folder.Path, path);
}
