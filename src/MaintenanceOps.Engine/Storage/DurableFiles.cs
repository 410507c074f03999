using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Storage;

/// <summary>
/// Every step that changes a disk, one method each, so that a test can fail or kill at any of them. What differs between
/// platforms in making a change durable is here and nowhere else.
/// </summary>
internal unsafe partial class DurableFiles
{
    /// <summary>The steps as the operating system carries them out.</summary>
    public static DurableFiles Default { get; set; } = new();

    /// <summary>
    /// A write beyond the size that the process may give a file (ulimit -f) is an error like any other; by default the
    /// system would end the process.
    /// </summary>
    private static readonly PosixSignalRegistration? fileTooLarge = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create((PosixSignal)FileSizeSignal, c => c.Cancel = true);

    private const int FileSizeSignal = 25;

    /// <summary>Files that only their owner may read: they can hold what the user keeps secret.</summary>
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Creates a file that does not exist yet, readable by its owner alone.</summary>
    public virtual SafeFileHandle Create(string path)
    {
        var handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(handle, OwnerOnly);
        }

        return handle;
    }

    /// <summary>Writes all of the bytes at an offset.</summary>
    public virtual void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            RandomAccess.Write(file, bytes, offset);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw TooLarge(e);
        }
    }

    /// <summary>Makes a file so many bytes long; what is added is a hole.</summary>
    public static void SetLength(SafeFileHandle file, long length)
    {
        try
        {
            RandomAccess.SetLength(file, length);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw TooLarge(e);
        }
    }

    /// <summary>.NET takes the system's word that a file would be too large for an argument that is wrong.</summary>
    private static IOException TooLarge(ArgumentOutOfRangeException e) => new(e.Message, IoErrors.UnixTooLarge);

    /// <summary>Waits until the file's content is on the disk.</summary>
    public virtual void Sync(SafeFileHandle file) => RandomAccess.FlushToDisk(file);

    /// <summary>Gives a file another name on the same volume, in one step.</summary>
    /// <exception cref="IOException">The new name exists and <paramref name="overwrite"/> is false.</exception>
    public virtual void Rename(string from, string to, bool overwrite)
    {
        if (Directory.Exists(from))
        {
            Directory.Move(from, to);
        }
        else
        {
            File.Move(from, to, overwrite);
        }
    }

    /// <summary>
    /// Gives a file a second name; false where the name exists. It is how an object is created once and never replaced
    /// on Unix, where a rename would silently overwrite.
    /// </summary>
    public virtual bool TryLink(string existing, string created)
    {
        if (OperatingSystem.IsWindows())
        {
            try
            {
                File.Move(existing, created, overwrite: false);
                return true;
            }
            catch (IOException) when (File.Exists(created))
            {
                return false;
            }
        }

        if (Link(existing, created) == 0)
        {
            return true;
        }

        if (Marshal.GetLastPInvokeError() == FileExists)
        {
            return false;
        }

        // A file system without hard links (exFAT, some network shares): the check and the rename are two steps there.
        if (File.Exists(created))
        {
            return false;
        }

        File.Move(existing, created, overwrite: false);
        return true;
    }

    /// <summary>Makes new names in a folder durable. Windows has no such call and needs none.</summary>
    public virtual void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = Open(path, OpenReadOnly | CloseOnExec);
        if (descriptor < 0)
        {
            throw new IOException($"Cannot open the folder '{path}' to make it durable: {Marshal.GetLastPInvokeErrorMessage()}", Marshal.GetLastPInvokeError());
        }

        var error = FSync(descriptor) == 0 ? 0 : Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        if (error != 0 && !CannotSync(error))
        {
            throw new IOException($"Cannot make the names in '{path}' durable: {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
    }

    /// <summary>
    /// Whether an error of a folder's fsync says that its file system has no such call: some network shares, whose renames are
    /// durable by their own rules. Any other error means that names may be lost.
    /// </summary>
    public static bool CannotSync(int error) => error is InvalidCall or NoSuchCall or NotSupportedOnLinux or NotSupportedOnMac;

    /// <summary>Whether <see cref="SyncVolume"/> does something here; elsewhere each file is synced by itself.</summary>
    public static bool CanSyncVolume { get; } = OperatingSystem.IsLinux();

    /// <summary>Waits until all that was written to the volume of a path is on the disk: one wait for many files.</summary>
    public virtual void SyncVolume(string path)
    {
        if (!CanSyncVolume)
        {
            return;
        }

        var descriptor = Open(path, OpenReadOnly | CloseOnExec);
        var failed = descriptor < 0 || SyncFs(descriptor) != 0;
        var error = Marshal.GetLastPInvokeError();
        if (descriptor >= 0)
        {
            _ = Close(descriptor);
        }

        if (failed)
        {
            throw new IOException($"Cannot make '{path}' durable: {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
    }

    /// <summary>Removes a file; one that does not exist is no error.</summary>
    public virtual void Delete(string path) => File.Delete(path);

    /// <summary>Makes a folder, and those above it, open to its owner alone.</summary>
    public virtual void CreateDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Makes one folder below a folder that is open, wherever that folder's path leads by now.</summary>
    public virtual void CreateFolderIn(RootFolder root, string relative) => root.MakeFolder(relative);

    private const int FileExists = 17;
    private const int InvalidCall = 22;
    private const int NoSuchCall = 38;
    private const int NotSupportedOnLinux = 95;
    private const int NotSupportedOnMac = 45;
    private const int OpenReadOnly = 0;
    private static readonly int CloseOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFs(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string created);
}
