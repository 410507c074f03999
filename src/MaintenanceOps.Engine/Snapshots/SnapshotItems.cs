using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Lists what is in a snapshot.</summary>
public sealed class SnapshotItems(Repository repository)
{
    /// <summary>The files of a files snapshot, the tables of a database; of dumped databases the dumps too.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="patterns">Paths as in a <c>.gitignore</c>, or table names with wildcards; none lists everything.</param>
    /// <param name="cancellation">Ends the listing.</param>
    public IEnumerable<SnapshotItem> List(Snapshot snapshot, IReadOnlyList<string> patterns, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(patterns);
        return snapshot.Kind switch
        {
            SnapshotKind.Files => Files(snapshot, patterns, cancellation),
            SnapshotKind.PostgresLogical => Tables(snapshot, patterns).Concat(Files(snapshot, patterns, cancellation)),
            _ => Tables(snapshot, patterns),
        };
    }

    private static IEnumerable<SnapshotItem> Tables(Snapshot snapshot, IReadOnlyList<string> patterns) => snapshot.Tables
        .Where(t => patterns.Count == 0 || patterns.Any(p => t.Name == p || Wildcard.Matches(t.Name, p) || PathCodec.Display(t.Name) == p))
        .Select(t => new SnapshotItem { Id = snapshot.Id, Repository = snapshot.Repository, Path = PathCodec.Display(t.Name), Kind = SnapshotItemKind.Table, Size = t.Size ?? -1, Rows = t.Rows });

    private IEnumerable<SnapshotItem> Files(Snapshot snapshot, IReadOnlyList<string> patterns, CancellationToken cancellation)
    {
        repository.RefreshIndex();
        var listing = Listing.Read(repository, snapshot.Id, repository.ReadManifest(snapshot.Id), cancellation);
        var filter = PathFilter.Choosing(patterns, Listing.Entries(listing), snapshot.Origin);
        return Listing.Entries(listing)
            .Where(e => e.Path.Length > 0 && (filter.IsEmpty || filter.Fits(e.Path, e.Kind == EntryKind.Folder)))
            .Select(e => new SnapshotItem
            {
                Id = snapshot.Id,
                Repository = snapshot.Repository,
                Path = PathCodec.Display(e.Path),
                Kind = KindOf(e.Kind),
                Size = e.Size,
                Modified = e.Modified.ToDateTimeOffset(),
                Born = e.Born?.ToDateTimeOffset(),
                Attributes = [.. e.Attributes.Select(a => PathCodec.Display(a.Name))],
                Mode = e.Mode < 0 ? "" : Convert.ToString(e.Mode, 8).PadLeft(4, '0'),
                Target = PathCodec.Display(e.Target),
                Note = e.Via.Length == 0 ? e.Note : $"{e.Note}{(e.Note.Length > 0 ? "; " : "")}reached through a link to {PathCodec.Display(e.Via)}",
            });
    }

    internal static SnapshotItemKind KindOf(EntryKind kind) => kind switch
    {
        EntryKind.Folder => SnapshotItemKind.Folder,
        EntryKind.Link => SnapshotItemKind.Link,
        EntryKind.Fifo => SnapshotItemKind.Pipe,
        EntryKind.Socket => SnapshotItemKind.Socket,
        EntryKind.CharacterDevice or EntryKind.BlockDevice => SnapshotItemKind.Device,
        _ => SnapshotItemKind.File,
    };
}
