using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.FaultHost;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>Two steps in a row fail, so that now and then a step of the undo does: the others are made, and nothing is lost.</summary>
[Collection(nameof(ProcessWideFaults))]
public sealed class UndoTests
{
    private const int BadMedium = 5;

    [Fact]
    public void A_failing_undo_takes_back_what_it_can_and_keeps_the_rest()
    {
        using var world = FaultWorld.Create();
        using var pristine = world.Clone();
        var steps = Attempt(world.Path, 0, out _);
        var kept = 0;
        for (var step = 1; step <= steps.Length; step++)
        {
            KillTests.Reset(pristine.Path, world.Path);
            Attempt(world.Path, step, out var failure);
            try
            {
                if (failure is not null)
                {
                    var told = Assert.IsType<MaintenanceException>(failure);
                    world.RequireNothingLost();
                    if (told.Message.Contains(".mops-kept-", StringComparison.Ordinal))
                    {
                        kept++;
                        Assert.Contains("could not be taken back", told.Message, StringComparison.Ordinal);
                    }
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"step {step} of {steps} ({failure?.Message}): {e.Message}", e);
            }
        }

        Assert.NotEqual(0, kept);
    }

    private static string Attempt(string place, int step, out Exception? failure)
    {
        var fault = new StepCounter(step, FaultMode.Before, () => throw new IOException("the disk says no", BadMedium), strikes: step == 0 ? 0 : 2);
        var (files, tree) = (DurableFiles.Default, TreeAccess.Current);
        DurableFiles.Default = new FaultyFiles(fault);
        TreeAccess.Current = new FaultyTreeAccess(tree, fault);
        failure = null;
        try
        {
            Scenarios.Run("restore-files-in-place", place);
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
