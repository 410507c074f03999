using Xunit;
using Xunit.Abstractions;

namespace MaintenanceOps.Engine.Tests.Snapshots.Model;

/// <summary>
/// Section 13 of the format as a model that is searched to its end: every order of every step of backups, a copy and prunes,
/// each stopped between any two of its steps for a while or for ever. No clock is in it.
/// </summary>
public sealed class PruneModelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(2, 0, 2)]
    [InlineData(1, 1, 2)]
    [InlineData(2, 1, 1)]
    public void No_order_of_steps_takes_from_a_listed_snapshot_what_it_needs(int backups, int copies, int pruners)
    {
        var (states, fault, ends) = Search(World.Start(backups, copies, pruners), Omission.Nothing);
        output.WriteLine($"{states} states, {ends.Count} ends");
        Assert.Null(fault);
        Assert.True(states > 10_000, "The search ended before it began.");
    }

    /// <summary>Each rule is there for a reason: without it the search finds harm.</summary>
    [Theory]
    [InlineData(Omission.Pending)]
    [InlineData(Omission.LookBeforeNaming)]
    [InlineData(Omission.LookAfterDooming)]
    [InlineData(Omission.DoomsBeforeNeeds)]
    [InlineData(Omission.UndoomedCopies)]
    [InlineData(Omission.DoomForEver)]
    [InlineData(Omission.TakenName)]
    public void Without_a_rule_there_is_harm(Omission omission) =>
        Assert.NotNull(Search(World.Start(2, 0, 2), omission).Fault);

    /// <summary>However the others ended or stopped, a prune and a backup that are left alone get where they want to.</summary>
    [Fact]
    public void What_comes_afterwards_is_not_stuck()
    {
        var (_, _, ends) = Search(World.Start(1, 1, 2), Omission.Nothing);
        Assert.NotEmpty(ends);
        foreach (var end in ends)
        {
            var world = end with { Pruner0 = default, Pruner1 = new Pruner { At = World.Finished } };
            world = Alone(world);
            world = Alone(world with { Pruner0 = default });
            Assert.True(world.IsClean(), $"After {end} prunes leave {world}.");
            var backup = Alone(world with { Writer0 = default, Named = 0, Acknowledged = 0, Revoked = 0, Contents = (ushort)(world.Contents & ~(3 << 4)), Present = (byte)(world.Present & ~4) });
            Assert.Equal(1, backup.Acknowledged);
        }
    }

    /// <summary>Lets whoever is not finished go on to the end, one after the other; a prune gives up what is pending.</summary>
    private static World Alone(World world)
    {
        var next = new List<World>();
        while (true)
        {
            next.Clear();
            world.Next(Omission.Nothing, next);
            if (next.Count == 0)
            {
                return world;
            }

            world = next[^1];
            Assert.Null(world.Fault());
        }
    }

    private static (int States, string? Fault, List<World> Ends) Search(World start, Omission omission)
    {
        var seen = new HashSet<World> { start };
        var open = new Stack<World>([start]);
        var next = new List<World>();
        var ends = new List<World>();
        while (open.TryPop(out var world))
        {
            if (world.Fault() is { } fault)
            {
                return (seen.Count, fault, ends);
            }

            next.Clear();
            world.Next(omission, next);
            if (next.Count == 0)
            {
                ends.Add(world);
            }

            foreach (var n in next)
            {
                if (n.InOrder() is var same && seen.Add(same))
                {
                    open.Push(same);
                }
            }
        }

        return (seen.Count, null, ends);
    }
}
