using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.FaultHost;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>
/// A full disk, a failing one, and a write that stops half-way, at every step of every scenario. Unlike a kill, an error
/// must also be told as what it is, and leave nothing half-written behind.
/// </summary>
[Collection(nameof(ProcessWideFaults))]
public sealed class ErrorTests
{
    private const int NoSpace = 28;
    private const int BadMedium = 5;

    public static TheoryData<string> ScenarioNames => [.. Scenarios.Names.Where(n => n is not ("copy" or "add-key" or "create"))];

    [Theory]
    [MemberData(nameof(ScenarioNames))]
    public void Failing_at_every_step(string scenario)
    {
        using var world = FaultWorld.Create();
        using var pristine = world.Clone();
        var steps = Attempt(scenario, world.Path, 0, NoSpace, out _);
        for (var step = 1; step <= steps.Length; step++)
        {
            foreach (var error in (int[])[NoSpace, BadMedium])
            {
                KillTests.Reset(pristine.Path, world.Path);
                Attempt(scenario, world.Path, step, error, out var failure);
                try
                {
                    if (failure is not null)
                    {
                        var told = Assert.IsType<MaintenanceException>(failure);
                        Assert.Contains(told.Code, new[] { ErrorCode.DiskFull, ErrorCode.InputOutput, ErrorCode.LeaseLost });
                        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(world.Path, ".*mops*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }), _ => true);
                    }

                    world.Check(scenario, VerificationLevel.Full);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    throw new InvalidOperationException($"{scenario}, step {step} of {steps}, error {error} ({failure?.GetType().Name}: {failure?.Message}): {e.Message}", e);
                }
            }
        }
    }

    /// <summary>Runs the scenario with one failing step; returns the steps that were seen.</summary>
    private static string Attempt(string scenario, string place, int step, int error, out Exception? failure)
    {
        var fault = new StepCounter(step, FaultMode.Half, () => throw new IOException("the disk says no", error));
        var (files, tree) = (DurableFiles.Default, TreeAccess.Current);
        DurableFiles.Default = new FaultyFiles(fault);
        TreeAccess.Current = new FaultyTreeAccess(tree, fault);
        failure = null;
        try
        {
            Scenarios.Run(scenario, place);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            failure = e;
        }
        finally
        {
            DurableFiles.Default = files;
            TreeAccess.Current = tree;
        }

        return fault.Steps;
    }
}

/// <summary>Tests that replace the process's own disk run alone.</summary>
[CollectionDefinition(nameof(ProcessWideFaults), DisableParallelization = true)]
public sealed class ProcessWideFaults;
