using System.Runtime.InteropServices;
using MaintenanceOps.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Storage;

/// <summary>
/// The folder of a local store as it was when it was opened. Where a disk goes away and leaves an empty mount point, the path
/// leads elsewhere from then on: nothing is made there, and what was to be stored is not called stored.
/// </summary>
internal sealed partial class RootFolder : IDisposable
{
    private readonly string path;
    private readonly SafeFileHandle? handle;
    private readonly (ulong Device, ulong Inode) identity;

    private RootFolder(string path, SafeFileHandle? handle, (ulong Device, ulong Inode) identity)
    {
        this.path = path;
        this.handle = handle;
        this.identity = identity;
    }

    /// <summary>Opens the folder; null where there is none.</summary>
    public static RootFolder? TryOpen(string path)
    {
        if (!Directory.Exists(path))
        {
            return null;
        }

        if (OperatingSystem.IsWindows())
        {
            return new RootFolder(path, null, default);
        }

        var descriptor = Open(path, CloseOnExec | OnlyFolders);
        return descriptor < 0 || IdentityOf(path) is not { } identity
            ? null
            : new RootFolder(path, new SafeFileHandle(descriptor, ownsHandle: true), identity);
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.StoreUnavailable"/>.</exception>
    public void RequireSame()
    {
        if (!Directory.Exists(path) || (handle is not null && IdentityOf(path) != identity))
        {
            throw new MaintenanceException(
                ErrorCode.StoreUnavailable,
                $"The folder '{path}' is not the one that was opened: its disk was taken away or replaced meanwhile. Nothing counts as stored. Mount it again and run it again.",
                path);
        }
    }

    /// <summary>Makes one folder in the folder that was opened, wherever the path leads now. The folder above it must exist.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public void MakeFolder(string relative)
    {
        if (handle is null || OperatingSystem.IsWindows())
        {
            RequireSame();
            Directory.CreateDirectory(Path.Combine(path, relative));
            return;
        }

        if (MkDirAt(handle, relative, OwnerOnly) != 0 && Marshal.GetLastPInvokeError() is not AlreadyThere and var error)
        {
            var full = Path.Combine(path, relative);
            throw error is NotPermitted or NoAccess
                ? new UnauthorizedAccessException($"Cannot make the folder '{full}'.")
                : new IOException($"Cannot make the folder '{full}': {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
    }

    public void Dispose() => handle?.Dispose();

    private static (ulong Device, ulong Inode)? IdentityOf(string path)
    {
        // The last part of the path may be a link; what it leads to is the folder.
        var facts = TreeAccess.Current.Facts(Links.Target(path));
        return facts is { } f ? (f.Device, f.Inode) : null;
    }

    private const int NotPermitted = 1;
    private const int NoAccess = 13;
    private const int AlreadyThere = 17;
    private const uint OwnerOnly = 0x1c0;
    private static readonly int CloseOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;
    private static readonly int OnlyFolders = OperatingSystem.IsMacOS() ? 0x100000
        : RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MkDirAt(SafeFileHandle folder, string name, uint mode);
}
