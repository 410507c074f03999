using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.FaultHost;
using Xunit;
using Xunit.Abstractions;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>
/// kill −9 at every write, sync, link, rename and removal of every scenario: all of them, counted, none sampled.
/// </summary>
public sealed class KillTests(ITestOutputHelper output)
{
    public static TheoryData<string> ScenarioNames => [.. Scenarios.Names];

    [Theory]
    [MemberData(nameof(ScenarioNames))]
    public void Killed_at_every_step(string scenario)
    {
        using var world = FaultWorld.Create();
        var place = world.Path;
        using var pristine = world.Clone();
        var (_, text) = Host.Start(scenario, place, 0, FaultMode.Before);
        Assert.Matches("^[sw]{1,2000}$", text);
        var kills = 0;
        for (var step = 1; step <= text.Length; step++)
        {
            // What is on the disk after a step is what is there before the next one, so that is the one kill between them.
            foreach (var mode in text[step - 1] == 'w' ? [FaultMode.Before, FaultMode.Half] : (FaultMode[])[FaultMode.Before])
            {
                var exit = Kill(scenario, pristine.Path, place, step, mode);
                try
                {
                    Assert.Equal(137, exit);
                    world.Check(scenario, VerificationLevel.Restore);
                    Again(scenario, place);
                    world.Check(scenario, VerificationLevel.Full);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    throw new InvalidOperationException($"{scenario}, step {step} of {text}, {mode}: {e.Message}", e);
                }

                kills++;
            }
        }

        output.WriteLine($"{scenario}: {text.Length} steps, {kills} kills");
    }

    /// <summary>
    /// Runs the scenario until the step kills it. Objects have random names, and one whose folder is there already takes three steps
    /// fewer: a run may end before the last step that the counting run had.
    /// </summary>
    private static int Kill(string scenario, string pristine, string place, int step, FaultMode mode)
    {
        var exit = 0;
        for (var attempt = 0; attempt < 20 && exit == 0; attempt++)
        {
            Reset(pristine, place);
            (exit, _) = Host.Start(scenario, place, step, mode);
        }

        return exit;
    }

    /// <summary>The same work again must succeed at once: nothing that a dead process left stands in its way.</summary>
    private static void Again(string scenario, string place)
    {
        if (scenario is "remove" or "add-key")
        {
            return;
        }

        if (scenario is "restore" && File.Exists(Path.Combine(place, "restored.db")))
        {
            return;
        }

        if (scenario is "create" && Directory.EnumerateFiles(place, "repository*.json", SearchOption.AllDirectories).Any(f => f.Contains("/fresh/", StringComparison.Ordinal)))
        {
            // One copy of the description makes it a whole repository: the key is there before.
            Repository.Open(Path.Combine(place, "fresh"), Passphrase.FromText("secret")).Dispose();
            return;
        }

        var watch = Stopwatch.StartNew();
        Scenarios.Run(scenario, place);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
    }

    internal static void Reset(string from, string to)
    {
        using var copy = Process.Start("sh", ["-c", $"rm -rf '{to}'/* '{to}'/.[!.]* && cp -a '{from}/.' '{to}'"]);
        copy.WaitForExit();
    }
}
