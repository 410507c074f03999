using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Storage;

/// <summary>
/// Objects as files below a folder. An object is written under a temporary name, made durable, then given its real name,
/// and the folder is made durable; a crash leaves at most a temporary file.
/// </summary>
internal sealed class LocalObjectStore(string root, DurableFiles? files = null) : IObjectStore
{
    private const string TemporaryFolder = "tmp";
    private readonly DurableFiles files = files ?? DurableFiles.Default;

    public string Location { get; } = Path.GetFullPath(root);

    public bool Create(string name, ReadOnlySpan<byte> content)
    {
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
            MakeFolderOf(path);
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
            throw IoErrors.Wrap(e, "write", path);
        }
    }

    public void Replace(string name, ReadOnlySpan<byte> content)
    {
        var path = PathOf(name);
        var temporary = "";
        try
        {
            temporary = WriteTemporary(content);
            MakeFolderOf(path);
            files.Rename(temporary, path, overwrite: true);
            files.SyncDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            TryDelete(temporary);
            throw IoErrors.Wrap(e, "write", path);
        }
    }

    public byte[]? Read(string name) => Open(name, handle =>
    {
        var length = RandomAccess.GetLength(handle);
        return ReadExactly(handle, 0, checked((int)length));
    });

    public int? ReadRange(string name, long offset, Span<byte> into)
    {
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

    public byte[]? ReadTail(string name, int count) => Open(name, handle =>
    {
        var length = RandomAccess.GetLength(handle);
        var offset = Math.Max(0, length - count);
        return ReadExactly(handle, offset, (int)(length - offset));
    });

    public void Delete(string name)
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

    public IEnumerable<StoredObject> List(string prefix)
    {
        // Prefixes end at a folder in all that the repository asks for, so only that folder is walked.
        var folder = PathOf(prefix[..(prefix.LastIndexOf('/') + 1)]);
        if (!Directory.Exists(folder))
        {
            return [];
        }

        try
        {
            return Walk(folder).Where(o => o.Name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "list", folder);
        }
    }

    public int CleanLeftovers(TimeSpan olderThan, bool dryRun)
    {
        var folder = Path.Combine(Location, TemporaryFolder);
        if (!Directory.Exists(folder))
        {
            return 0;
        }

        var limit = DateTime.UtcNow - olderThan;
        var found = new DirectoryInfo(folder).GetFiles().Where(f => f.LastWriteTimeUtc <= limit).ToList();
        foreach (var file in dryRun ? [] : found)
        {
            files.Delete(file.FullName);
        }

        return found.Count;
    }

    public void Dispose()
    {
    }

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

    /// <summary>Null where somebody has removed the file since its name was read.</summary>
    private static StoredObject? Describe(string name, FileInfo file)
    {
        try
        {
            return new StoredObject(name, file.Length, file.LastWriteTimeUtc);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private string WriteTemporary(ReadOnlySpan<byte> content)
    {
        var folder = Path.Combine(Location, TemporaryFolder);
        files.CreateDirectory(folder);
        var path = Path.Combine(folder, Guid.NewGuid().ToString("N"));
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

    private void MakeFolderOf(string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        if (Directory.Exists(folder))
        {
            return;
        }

        files.CreateDirectory(folder);
        for (var parent = Path.GetDirectoryName(folder); parent is not null && parent.Length >= Location.Length; parent = Path.GetDirectoryName(parent))
        {
            files.SyncDirectory(parent);
        }
    }

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

    private byte[]? Open(string name, Func<SafeFileHandle, byte[]> read)
    {
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

    private SafeFileHandle OpenForReading(string name) =>
        File.OpenHandle(PathOf(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

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

    private string PathOf(string name) => Path.Combine(Location, name.Replace('/', Path.DirectorySeparatorChar));
}
