namespace MaintenanceOps.Engine.Storage;

/// <summary>Keeps two processes apart that read, change and write the same small file. A process that dies lets go of it.</summary>
internal static class FileLock
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Waits for the lock and takes it.</summary>
    /// <param name="path">The lock's own file; it stays, because removing it would let two in.</param>
    /// <param name="what">What is kept, for the error: <c>maintenance mode at '/run/flag'</c>.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/>, <see cref="ErrorCode.AccessDenied"/>, <see cref="ErrorCode.InputOutput"/>.</exception>
    public static IDisposable Take(string path, string what, CancellationToken cancellation)
    {
        var end = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return new FileStream(path, Options());
            }
            catch (DirectoryNotFoundException e)
            {
                throw new MaintenanceException(ErrorCode.PathNotFound, $"The folder of '{path}' does not exist. Make it first.", path, e);
            }
            catch (UnauthorizedAccessException e)
            {
                throw IoErrors.Wrap(e, "write", path);
            }
            catch (IOException e) when (!IsHeld(e))
            {
                throw IoErrors.Wrap(e, "write", path);
            }
            catch (IOException e) when (Environment.TickCount64 > end)
            {
                throw new MaintenanceException(ErrorCode.InputOutput, $"Somebody has been changing {what} for {Patience.TotalSeconds:0} s. Try again.", path, e);
            }
            catch (IOException)
            {
                cancellation.WaitHandle.WaitOne(20);
            }
        }
    }

    /// <summary>Its owner's alone: whoever can open it can hold it.</summary>
    private static FileStreamOptions Options()
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return options;
    }

    /// <summary>Whether somebody else holds it; a full or read-only disk is not waited for.</summary>
    private static bool IsHeld(IOException e) => e.HResult is LinuxWouldBlock or MacWouldBlock or WindowsSharing or WindowsLocked;

    private const int LinuxWouldBlock = 11;
    private const int MacWouldBlock = 35;
    private const int WindowsSharing = unchecked((int)0x80070020);
    private const int WindowsLocked = unchecked((int)0x80070021);
}
