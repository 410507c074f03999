using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using MaintenanceOps.FaultHost;
using Xunit;
using Xunit.Abstractions;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>
/// Real processes that are suspended at every step that changes the disk, and wake up when their lease is long dead and others have
/// backed up and pruned without waiting.
/// </summary>
public sealed class LateProcessTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("backup")]
    [InlineData("backup-files")]
    [InlineData("prune")]
    [InlineData("copy")]
    public void A_process_that_wakes_up_late_harms_nothing(string scenario)
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // The state of another process is read from /proc.
        }

        using var world = FaultWorld.Create();
        using var pristine = world.Clone();
        var (_, steps) = Host.Start(scenario, world.Path, 0, FaultMode.Before);
        var (late, done) = (0, 0);
        for (var step = 1; step <= steps.Length; step += Stride)
        {
            KillTests.Reset(pristine.Path, world.Path);
            using var sleeper = StartAsleep(scenario, world.Path, step);
            if (sleeper is null)
            {
                continue;
            }

            OthersWork(world.Path);
            Signal("-CONT", sleeper);
            var text = sleeper.StandardError.ReadToEndAsync();
            Assert.True(sleeper.WaitForExit(60_000), $"{scenario}, step {step}: it does not end.");
            Assert.True(sleeper.ExitCode == 0 || Told.Any(t => Said(text).Contains(t, StringComparison.Ordinal)), $"{scenario}, step {step}: {Said(text)}");
            (late, done) = sleeper.ExitCode == 0 ? (late, done + 1) : (late + 1, done);
            CheckAll(world.Path, $"{scenario}, step {step}");
        }

        Assert.True(late + done > 5);
        output.WriteLine($"{scenario}: {done} ended well, {late} were overtaken");
    }

    /// <summary>What a process may say that was overtaken; its code is not in what an unhandled exception prints.</summary>
    private static readonly string[] Told = ["was overtaken", "The lease for the", "has just begun"];

    /// <summary>Every other step: two neighbours differ in nothing that others can see.</summary>
    private const int Stride = 2;

    /// <summary>Starts the scenario and waits until it has fallen asleep; null where it ended before the step.</summary>
    private static Process? StartAsleep(string scenario, string place, int step)
    {
        var host = Path.Combine(AppContext.BaseDirectory, "MaintenanceOps.FaultHost");
        var process = Process.Start(new ProcessStartInfo(host, [scenario, place, step.ToString(CultureInfo.InvariantCulture), nameof(FaultMode.Sleep)]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        while (!process.HasExited)
        {
            if (StateOf(process.Id) == 'T')
            {
                return process;
            }

            Thread.Sleep(20);
        }

        process.Dispose();
        return null;
    }

    /// <summary>What happens while it sleeps: its leases die, somebody prunes in a hurry, backs up the same content, and prunes again.</summary>
    private static void OthersWork(string place)
    {
        foreach (var name in new[] { "repository", "second" })
        {
            using var repository = Repository.Open(Path.Combine(place, name));
            repository.Store.List("leases/").Where(l => !l.Name.Contains("pending", StringComparison.Ordinal)).ToList().ForEach(l => repository.Store.Delete(l.Name));
            repository.Prune(new PruneOptions { Now = true, Force = true });
            repository.BackUp(Path.Combine(place, "app.db"), "others");
            repository.BackUpFiles(Path.Combine(place, "tree"), "other-files");
            repository.Prune(new PruneOptions { Now = true, Force = true });
        }
    }

    private static void CheckAll(string place, string what)
    {
        foreach (var name in new[] { "repository", "second" })
        {
            using var repository = Repository.Open(Path.Combine(place, name));
            Assert.True(repository.Check() is [], $"{what}: {string.Join(' ', repository.Check().Select(f => f.Message))}");
            repository.Prune(force: repository.ManifestIds().ToList() is []);
            Assert.True(repository.Check() is [], $"{what}, after a prune: {string.Join(' ', repository.Check().Select(f => f.Message))}");
        }
    }

    private static char StateOf(int process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return 'X';
        }
    }

    private static void Signal(string signal, Process process)
    {
        using var kill = Process.Start("kill", [signal, process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static string Said(Task<string> text) => text.GetAwaiter().GetResult();
}
