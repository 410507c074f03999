using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace MaintenanceOps.Engine.Programs;

/// <summary>
/// A program and all that came of it. A process that has lost its parent no longer belongs to the tree, so each is marked in
/// its environment, which it hands down; Linux tells the environments of this user's processes.
/// </summary>
internal sealed class ProgramFamily
{
    private const string Variable = "MAINTENANCEOPS_PROGRAM";

    /// <summary>What is ended may just be starting another.</summary>
    private const int Rounds = 3;

    private readonly string mark = Guid.NewGuid().ToString("N");

    public void Mark(ProcessStartInfo start) => start.Environment[Variable] = mark;

    /// <summary>Ends the program and all that came of it.</summary>
    public void Kill(Process process)
    {
        Kill(process, entireTree: true);
        for (var round = 0; round < Rounds && Orphans() is { Count: > 0 } orphans; round++)
        {
            foreach (var id in orphans)
            {
                KillOrphan(id);
            }
        }
    }

    private List<int> Orphans()
    {
        if (!OperatingSystem.IsLinux())
        {
            return [];
        }

        var wanted = Encoding.ASCII.GetBytes($"{Variable}={mark}");
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && Environment(id).AsSpan().IndexOf(wanted) >= 0)];
    }

    private static byte[] Environment(int process)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{process}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended, or is somebody else's and so none of ours.
            return [];
        }
    }

    private static void KillOrphan(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            Kill(process, entireTree: false);
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }
    }

    private static void Kill(Process process, bool entireTree)
    {
        try
        {
            process.Kill(entireTree);
        }
        catch (Exception e) when (e is InvalidOperationException or AggregateException or System.ComponentModel.Win32Exception)
        {
            // It has ended by itself, or a part of it has.
        }
    }
}
