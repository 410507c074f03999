using MaintenanceOps.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Storage;

/// <summary>
/// Objects as files below a folder. An object is written under a temporary name, made durable, then given its real name,
/// and the folder is made durable; a crash leaves at most a temporary file. Only files and folders are objects: a link, pipe,
/// device or socket that somebody put there is passed over and never opened.
/// </summary>
internal sealed class LocalObjectStore(string root, DurableFiles? files = null) : IObjectStore
{
    private const string TemporaryFolder = "tmp";
    private readonly DurableFiles files = files ?? DurableFiles.Default;

    /// <summary>The folder, from the moment at which it was first seen.</summary>
    private RootFolder? folder = RootFolder.TryOpen(Path.GetFullPath(root));

    public string Location { get; } = Path.GetFullPath(root);

    public void Prepare()
    {
        try
        {
            files.CreateDirectory(Location);
            folder ??= RootFolder.TryOpen(Location);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "make", Location);
        }
    }

    public IDisposable? TryLock(bool alone) => WorkLock.TryTake(Location, alone);

    public void RequireSamePlace() => folder?.RequireSame();

    public bool Create(string name, ReadOnlySpan<byte> content, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var path = PathOf(name);
        if (File.Exists(path))
        {
            return false;
        }

        var temporary = "";
        var created = false;
        try
        {
            temporary = WriteTemporary(content);
            MakeFolderOf(name);
            created = files.TryLink(temporary, path);
            files.SyncDirectory(Path.GetDirectoryName(path)!);
            files.Delete(temporary);
            return created;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // What could not be made durable is not there: a caller who is told of a failure finds nothing.
            TryDelete(temporary);
            TryDelete(created ? path : "");
            RequireSamePlace();
            throw IoErrors.Wrap(e, "write", path);
        }
    }

    public void Replace(string name, ReadOnlySpan<byte> content, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var path = PathOf(name);
        var temporary = "";
        try
        {
            temporary = WriteTemporary(content);
            MakeFolderOf(name);
            files.Rename(temporary, path, overwrite: true);
            files.SyncDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            TryDelete(temporary);
            RequireSamePlace();
            throw IoErrors.Wrap(e, "write", path);
        }
    }

    public byte[]? Read(string name, CancellationToken cancellation = default) => Open(
        name,
        handle =>
        {
            var length = RandomAccess.GetLength(handle);
            ObjectLimits.Require(name, length, Location);
            return ReadExactly(handle, 0, (int)length);
        },
        cancellation);

    public int? ReadRange(string name, long offset, Span<byte> into, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            using var handle = OpenForReading(name);
            return Fill(handle, offset, into);
        }
        catch (Exception e) when (IsMissing(e))
        {
            return null;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", PathOf(name));
        }
    }

    public byte[]? ReadTail(string name, int count, CancellationToken cancellation = default) => Open(
        name,
        handle =>
        {
            var length = RandomAccess.GetLength(handle);
            var offset = Math.Max(0, length - count);
            return ReadExactly(handle, offset, (int)(length - offset));
        },
        cancellation);

    public void Delete(string name, CancellationToken cancellation = default)
    {
        var path = PathOf(name);
        try
        {
            files.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // The folder went with the last object in it.
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "remove", path);
        }
    }

    public IEnumerable<StoredObject> List(string prefix, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();

        // Prefixes end at a folder in all that the repository asks for, so only that folder is walked.
        var folder = PathOf(prefix[..(prefix.LastIndexOf('/') + 1)]);
        try
        {
            return Directory.Exists(folder) ? Walk(folder).Where(o => o.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList() : [];
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "list", folder);
        }
    }

    public int CleanLeftovers(TimeSpan olderThan, bool dryRun, CancellationToken cancellation = default)
    {
        var folder = PathOf(TemporaryFolder + "/");
        if (!Directory.Exists(folder))
        {
            return 0;
        }

        var limit = DateTime.UtcNow - olderThan;
        var found = new DirectoryInfo(folder).GetFiles().Where(f => f.LastWriteTimeUtc <= limit && IsFile(f.FullName)).ToList();
        foreach (var file in dryRun ? [] : found)
        {
            cancellation.ThrowIfCancellationRequested();
            files.Delete(file.FullName);
        }

        return found.Count;
    }

    public void Dispose() => folder?.Dispose();

    private IEnumerable<StoredObject> Walk(string folder)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = false, AttributesToSkip = FileAttributes.ReparsePoint };
        var temporary = TemporaryFolder + "/";
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*", options))
        {
            var name = Path.GetRelativePath(Location, file.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (!name.StartsWith(temporary, StringComparison.Ordinal) && Describe(name, file) is { } stored)
            {
                yield return stored;
            }
        }
    }

    /// <summary>Null for what is no file, and where somebody has removed it since its name was read.</summary>
    private static StoredObject? Describe(string name, FileInfo file)
    {
        try
        {
            return IsFile(file.FullName) ? new StoredObject(name, file.Length, file.LastWriteTimeUtc) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static bool IsFile(string path) => TreeAccess.Current.Facts(path) is { Kind: EntryKind.File };

    private string WriteTemporary(ReadOnlySpan<byte> content)
    {
        MakeFolderOf(TemporaryFolder + "/x");
        var path = Path.Combine(PathOf(TemporaryFolder), Guid.NewGuid().ToString("N"));
        try
        {
            using var handle = files.Create(path);
            files.Write(handle, content, 0);
            files.Sync(handle);
            return path;
        }
        catch
        {
            TryDelete(path);
            throw;
        }
    }

    /// <summary>Makes the folders that an object lies in, below the folder that was opened and never that one itself.</summary>
    private void MakeFolderOf(string name)
    {
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
        {
            var path = PathOf(name[..slash]);
            if (!Directory.Exists(path))
            {
                files.CreateFolderIn(Root(), name[..slash].Replace('/', Path.DirectorySeparatorChar));
                files.SyncDirectory(Path.GetDirectoryName(path)!);
            }
        }
    }

    private RootFolder Root() => folder ??= RootFolder.TryOpen(Location) ?? throw new DirectoryNotFoundException($"The folder '{Location}' does not exist.");

    private void TryDelete(string path)
    {
        if (path.Length == 0)
        {
            return;
        }

        try
        {
            files.Delete(path);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // The failure that brought us here is the one to tell; CleanLeftovers finds the file later.
        }
    }

    private byte[]? Open(string name, Func<SafeFileHandle, byte[]> read, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            using var handle = OpenForReading(name);
            return read(handle);
        }
        catch (Exception e) when (IsMissing(e))
        {
            return null;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", PathOf(name));
        }
    }

    /// <summary>Opens a file without following a link, and without waiting for the other end of a pipe.</summary>
    private SafeFileHandle OpenForReading(string name)
    {
        var path = PathOf(name);
        return TreeAccess.Current.Facts(path) is { Kind: not EntryKind.File } other
            ? throw new IOException(other.Kind == EntryKind.Folder ? "It is a folder where a file belongs." : "It is a link, pipe, socket or device where a file belongs, and is not opened. Remove it.")
            : TreeAccess.Current.OpenRead(path);
    }

    private static bool IsMissing(Exception e) => e is FileNotFoundException or DirectoryNotFoundException;

    private static byte[] ReadExactly(SafeFileHandle handle, long offset, int count)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(count);
        var done = Fill(handle, offset, bytes);
        return done == count ? bytes : bytes[..done];
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    private static int Fill(SafeFileHandle handle, long offset, Span<byte> into)
    {
        var done = 0;
        for (var read = -1; done < into.Length && read != 0; done += read)
        {
            read = RandomAccess.Read(handle, into[done..], offset + done);
        }

        return done;
    }

    /// <summary>The path of an object or folder. A link among the folders on the way is refused: it leads out of the repository.</summary>
    private string PathOf(string name)
    {
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = name.IndexOf('/', slash + 1))
        {
            var folder = Path.Combine(Location, name[..slash].Replace('/', Path.DirectorySeparatorChar));
            if (TreeAccess.Current.Facts(folder) is { Kind: EntryKind.Link })
            {
                throw new MaintenanceException(
                    ErrorCode.AccessDenied,
                    $"'{folder}' is a symbolic link, and a repository's own folders must not be links. Put the folder there, or mount the other disk at that place.",
                    folder);
            }
        }

        return Path.Combine(Location, name.Replace('/', Path.DirectorySeparatorChar));
    }
}
