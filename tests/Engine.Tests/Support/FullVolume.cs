using System.Diagnostics;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A small volume of its own, mounted in memory, so that a disk can really be full.</summary>
internal sealed class FullVolume : IDisposable
{
    private readonly TestFolder folder = new();

    public FullVolume(int mebibytes)
    {
        if (!TryMount(folder.Path, mebibytes))
        {
            throw new InvalidOperationException("The volume cannot be mounted.");
        }
    }

    public string this[string name] => folder[name];

    public long Free => new DriveInfo(folder.Path).AvailableFreeSpace;

    /// <summary>Leaves so many bytes free.</summary>
    public void FillUp(long leave)
    {
        using var ballast = File.Create(folder["ballast"]);
        var zeros = new byte[4096];
        while (Free >= leave + zeros.Length)
        {
            ballast.Write(zeros);
            ballast.Flush();
        }
    }

    public void MakeReadOnly() => Assert.True(Run("mount", "-o", "remount,ro", folder.Path));

    public void MakeRoom() => File.Delete(folder["ballast"]);

    public void Dispose()
    {
        Run("umount", "-l", folder.Path);
        folder.Dispose();
    }

    public static bool TryMount(string path, int mebibytes) => Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m", "tmpfs", path);

    public static bool Unmount(string path) => Run("umount", "-l", path);

    private static bool Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}

/// <summary>A test that mounts a volume; skipped, with the reason, where that is not allowed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FullVolumeTheoryAttribute : TheoryAttribute
{
    public FullVolumeTheoryAttribute() => Skip = WhyNot();

    internal static string? WhyNot()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
        {
            return "Mounting a small volume needs Linux and root.";
        }

        using var folder = new TestFolder();
        if (!FullVolume.TryMount(folder.Path, 1))
        {
            return "This machine lets nobody mount a volume.";
        }

        FullVolume.Unmount(folder.Path);
        return null;
    }
}

/// <inheritdoc cref="FullVolumeTheoryAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FullVolumeFactAttribute : FactAttribute
{
    public FullVolumeFactAttribute() => Skip = FullVolumeTheoryAttribute.WhyNot();
}
