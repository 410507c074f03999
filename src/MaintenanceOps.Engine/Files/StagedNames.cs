using System.Buffers;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Makes what has no content of its own in the staging areas: further names of files, links, pipes, sockets and devices.
/// What this system cannot make is noted by its path, and the rest is made.
/// </summary>
internal sealed class StagedNames(StagingAreas areas, Selection selection, AttributeProblems problems, Dictionary<string, UnrestoredObject> unmade)
{
    private const int CopySize = 1024 * 1024;
    private Dictionary<string, FileEntry>? files;

    public void Make(CancellationToken cancellation)
    {
        foreach (var entry in selection.Entries)
        {
            cancellation.ThrowIfCancellationRequested();
            switch (entry.Kind)
            {
                case EntryKind.File or EntryKind.Folder:
                    break;
                case EntryKind.HardLink:
                    MakeName(entry, cancellation);
                    break;
                default:
                    MakeOther(entry);
                    break;
            }
        }
    }

    /// <summary>A further name of a file; where there can be none, a file of its own with the same content.</summary>
    private void MakeName(FileEntry entry, CancellationToken cancellation)
    {
        var (area, source) = (areas.Of(entry.Path), areas.Of(entry.Target));
        area.MakeFolder(FolderTree.ParentOf(entry.Path));
        using var from = source.Brought.OpenParent(entry.Target);
        using var to = area.Brought.OpenParent(entry.Path);
        try
        {
            if (area == source)
            {
                from.Folder.CreateHardLink(FolderTree.NameOf(entry.Target), to.Folder, FolderTree.NameOf(entry.Path));
                return;
            }

            problems.Add("hard link", entry.Path, "its other names are on another volume, so it is a file of its own");
        }
        catch (Exception e) when (CannotLink(e))
        {
            problems.Add("hard link", entry.Path, "this file system can give a file no further name, so it is a file of its own");
        }

        Copy(from.Folder, FolderTree.NameOf(entry.Target), to.Folder, entry, cancellation);
    }

    private void MakeOther(FileEntry entry)
    {
        var area = areas.Of(entry.Path);
        area.MakeFolder(FolderTree.ParentOf(entry.Path));
        using var folder = area.Brought.OpenParent(entry.Path);
        var name = FolderTree.NameOf(entry.Path);
        try
        {
            if (entry.Kind == EntryKind.Link)
            {
                folder.Folder.CreateLink(name, entry.Target);
            }
            else
            {
                folder.Folder.CreateSpecial(name, entry);
            }

            folder.Folder.Apply(name, entry, problems);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or NotSupportedException or IOException { HResult: LinuxCalls.NotSupported or LinuxCalls.NoSuchCall })
        {
            unmade[entry.Path] = new UnrestoredObject(PathCodec.Display(entry.Path), $"The {KindOf(entry.Kind)} could not be made: {e.Message}", "");
        }
    }

    private void Copy(FolderHandle from, string name, FolderHandle to, FileEntry entry, CancellationToken cancellation)
    {
        using var source = from.OpenRead(name);
        using var copy = to.CreateFile(FolderTree.NameOf(entry.Path));
        var buffer = ArrayPool<byte>.Shared.Rent(CopySize);
        try
        {
            long at = 0;
            for (int read; (read = RandomAccess.Read(source, buffer, at)) > 0; at += read)
            {
                cancellation.ThrowIfCancellationRequested();
                if (buffer.AsSpan(0, read).ContainsAnyExcept((byte)0))
                {
                    DurableFiles.Default.Write(copy, buffer.AsSpan(0, read), at);
                }
            }

            // What was skipped is a hole.
            DurableFiles.SetLength(copy, at);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        files ??= selection.Entries.Where(e => e.Kind == EntryKind.File).ToDictionary(e => e.Path, StringComparer.Ordinal);
        to.Apply(copy, files[entry.Target] with { Path = entry.Path }, problems);
        if (!DurableFiles.CanSyncVolume)
        {
            DurableFiles.Default.Sync(copy);
        }
    }

    private static bool CannotLink(Exception e) => e is UnauthorizedAccessException or NotSupportedException
        || (e is IOException io && io.HResult is LinuxCalls.NotSupported or LinuxCalls.NoSuchCall or LinuxCalls.TooManyLinks);

    private static string KindOf(EntryKind kind) => kind switch
    {
        EntryKind.Link => "link",
        EntryKind.Fifo => "named pipe",
        EntryKind.Socket => "socket",
        _ => "device",
    };
}
