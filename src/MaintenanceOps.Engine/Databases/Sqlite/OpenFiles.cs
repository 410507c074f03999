using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Whether anybody at all has a file open, also whom this process cannot see: another user's, or one in a container. Linux gives
/// a write lease on a file only where nobody has it open (fcntl(2), F_SETLEASE).
/// </summary>
internal static class OpenFiles
{
    private const int SetSignal = 10;
    private const int SetLease = 1024;
    private const int WriteLease = 1;
    private const int NoLease = 2;
    private const int TryAgain = 11;

    /// <summary>Sent to a holder of a lease whom somebody waits for; it is ignored unless somebody asks for it.</summary>
    private const int UrgentSignal = 23;

    /// <summary>File systems that ask a server, or a program, which knows nothing of leases.</summary>
    private static readonly string[] Remote = ["nfs", "cifs", "smb", "fuse", "9p", "ceph", "virtiofs", "overlay"];

    /// <summary>
    /// Whether somebody has the file open. This process must not: its handles count too, and what is closed here takes its locks
    /// along. False where the system cannot tell.
    /// </summary>
    public static bool Has(string path)
    {
        if (!OperatingSystem.IsLinux() || SqliteLog.FactsOf(path) is not { Kind: EntryKind.File } || IsRemote(path))
        {
            return false;
        }

        try
        {
            using var file = TreeAccess.Current.OpenRead(path);
            if (LinuxCalls.Control(file, SetSignal, UrgentSignal) != 0)
            {
                return false;
            }

            var result = LinuxCalls.Control(file, SetLease, WriteLease);
            var error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            _ = LinuxCalls.Control(file, SetLease, NoLease);
            return result != 0 && error == TryAgain;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsRemote(string path)
    {
        try
        {
            var format = new DriveInfo(path).DriveFormat;
            return Remote.Any(r => format.StartsWith(r, StringComparison.OrdinalIgnoreCase));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return true;
        }
    }
}
