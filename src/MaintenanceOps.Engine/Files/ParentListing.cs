using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>The previous snapshot's entries, read along with the walk: both are in the same order.</summary>
internal sealed class ParentListing(BlockIndex index, IEnumerable<FileEntry> entries, Manifest parent, TimeSpan timeGrain)
{
    private readonly IEnumerator<FileEntry> cursor = entries.GetEnumerator();
    private readonly FileTime trustedUntil = FileTime.Of(parent.Created - timeGrain);
    private FileEntry? current;
    private bool ended;

    /// <summary>Whether the parent's entries have extended attributes, where the files have: those of version 1 have none.</summary>
    public bool KnowsAttributes { get; } = parent.Format >= 2;

    /// <summary>
    /// The parent's entry of a file that need not be read again: size, times and inode are the same, the last change was
    /// well before the parent was taken, and the repository still has every block of it. Paths come in listing order.
    /// </summary>
    public FileEntry? Unchanged(string path, FileFacts facts) =>
        EntryOf(path) is { Kind: EntryKind.File } e
            && e.Note.Length == 0
            && e.Size == facts.Size
            && e.Modified == facts.Modified
            && e.Changed == facts.Changed
            && e.Inode == facts.Inode
            && facts.Changed < trustedUntil
            && (facts.Modified < trustedUntil || facts.Changed != default)
            && Array.TrueForAll(e.Extents, x => x.IsHole || index.FindSound(x.Block) >= 0)
            ? e
            : null;

    /// <summary>
    /// Whether the file was a SQLite database when the parent was taken, or had been one and was lost or could not be read: what is
    /// lost once must not pass for whole the next time. Paths come in listing order.
    /// </summary>
    public bool WasDatabase(string path) => EntryOf(path) is { Content: ContentKind.SqliteDatabase } or { Note: ContentReader.LostDatabase or ContentReader.UnreadDatabase };

    private FileEntry? EntryOf(string path)
    {
        while (!ended && (current is null || TreeOrder.Instance.Compare(current.Path, path) < 0))
        {
            ended = !cursor.MoveNext();
            current = ended ? null : cursor.Current;
        }

        return current?.Path == path ? current : null;
    }
}
