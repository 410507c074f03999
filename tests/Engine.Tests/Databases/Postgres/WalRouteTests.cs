using System.Text;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Storage;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>Which segments a recovery reads, told from names and histories alone.</summary>
public sealed class WalRouteTests
{
    private const long Size = 16 << 20;

    [Theory]
    [InlineData("1\t0/3000110\tno recovery target specified\n", "1@0/3000110")]
    [InlineData("1\t0/3000110\tbefore 2026-11-22 07:50:34+00\n\n2\t1/4000060\t# nothing\n", "1@0/3000110 2@1/4000060")]
    [InlineData("# a comment\n1 0/3000110 at restore point \"x y\"", "1@0/3000110")]
    [InlineData("", null)]
    [InlineData("2\t0/3000110\tits own\n", "2@0/3000110")]
    [InlineData("3\t0/3000110\tyounger than itself\n", null)]
    [InlineData("2\t0/3000110\t\n1\t0/4000000\tin the wrong order\n", null)]
    [InlineData("1\tnowhere\tx\n", null)]
    [InlineData("-1\t0/1\tx\n", null)]
    [InlineData("1\n", null)]
    public void A_history_tells_its_ancestors_or_nothing(string text, string? ancestors)
    {
        var history = TimelineHistory.Parse(3, Encoding.UTF8.GetBytes(text));
        Assert.Equal(ancestors, history is null ? null : string.Join(' ', history.Ancestors.Select(a => $"{a.Timeline}@{Lsn.Format(a.End)}")));
    }

    [Fact]
    public void Every_segment_counts_on_the_timeline_that_its_place_belongs_to()
    {
        // Timeline 2 began in segment 4, timeline 3 in segment 7; the older ones were archived beyond that.
        var log = Log(["1\t0/4000100\tx\n"], ["1\t0/4000100\tx\n2\t0/7000200\ty\n"], [1, 2, 3, 4, 5, 6], [4, 5, 6, 7, 8], [7, 8, 9]);
        var route = new WalRoute(log, log.LineOf(3), Place(2));
        Assert.Empty(route.Missing);
        Assert.Equal("000000030000000000000009", route.Last!.Value.Name);
        Assert.Equal("000000010000000000000003", route.Segment(3).Name);
        Assert.Equal("000000020000000000000004", route.Segment(4).Name);
        Assert.Equal("000000020000000000000006", route.Segment(6).Name);
        Assert.Equal("000000030000000000000007", route.Segment(7).Name);
    }

    [Theory]
    [InlineData("2:4", "000000020000000000000004 is missing")]
    [InlineData("2:5", "000000020000000000000005 is missing")]
    [InlineData("3:7", "000000030000000000000007 is missing")]
    [InlineData("2:4 2:5 2:6", "000000020000000000000004 to 000000020000000000000006 are missing (3 segments)")]
    [InlineData("1:2", "000000010000000000000002 is missing")]
    [InlineData("1:4 1:5 1:6 2:7 2:8", null)]
    public void A_lost_segment_is_named_though_its_number_exists_on_another_timeline(string lost, string? missing)
    {
        var segments = new List<ulong>[] { [1, 2, 3, 4, 5, 6], [4, 5, 6, 7, 8], [7, 8, 9] };
        foreach (var words in lost.Split(' ').Select(w => w.Split(':')))
        {
            segments[int.Parse(words[0], null) - 1].Remove(ulong.Parse(words[1], null));
        }

        var log = Log(["1\t0/4000100\tx\n"], ["1\t0/4000100\tx\n2\t0/7000200\ty\n"], [.. segments[0]], [.. segments[1]], [.. segments[2]]);
        Assert.Equal(missing, new WalRoute(log, log.LineOf(3), Place(2)).Missing is [var first] ? first.ToString() : null);
    }

    [Fact]
    public void A_timeline_of_which_nothing_is_archived_yet_ends_where_it_began()
    {
        // The parent went on in the segment of the branch, and that part was given up.
        var given = Log(["1\t0/4000100\tx\n"], null, [2, 3, 4, 5], []);
        var route = new WalRoute(given, given.LineOf(2), Place(2));
        Assert.Empty(route.Missing);
        Assert.Equal(("000000010000000000000004", 0x4000100UL, 1U), (route.Last!.Value.Name, route.StopBefore, route.Timeline));

        // The segment of the branch never became full on the parent.
        var died = Log(["1\t0/4000100\tx\n"], null, [2, 3], []);
        route = new WalRoute(died, died.LineOf(2), Place(2));
        Assert.Empty(route.Missing);
        Assert.Equal(("000000010000000000000003", null), (route.Last!.Value.Name, route.StopBefore));

        // One before that was lost with the parent.
        var lost = Log(["1\t0/5000100\tx\n"], null, [2, 3], []);
        Assert.Equal("000000010000000000000004 is missing", Assert.Single(new WalRoute(lost, lost.LineOf(2), Place(2)).Missing).ToString());
    }

    [Fact]
    public void Whether_a_place_lies_in_the_past_of_a_timeline_is_told_by_its_history()
    {
        var log = Log(["1\t0/4000100\tx\n"], ["1\t0/3000000\tx\n"], [1, 2, 3, 4, 5], [4, 5], [3, 4]);
        Assert.Equal([3U, 2U, 1U], log.LinesThrough(1, 0x2000100).Select(l => l.Timeline));
        Assert.Equal([2U, 1U], log.LinesThrough(1, 0x3800000).Select(l => l.Timeline));
        Assert.Equal([1U], log.LinesThrough(1, 0x5000000).Select(l => l.Timeline));
        Assert.Equal([2U], log.LinesThrough(2, 0x5000000).Select(l => l.Timeline));
    }

    [Fact]
    public void Segments_without_the_history_of_their_timeline_are_told()
    {
        var log = Log(null, null, [1, 2], [2, 3], []);
        Assert.Equal([2U], log.WithoutHistory([]));

        // An archive that began on a later timeline never had its history.
        Assert.Empty(Log(null, null, [], [2, 3]).WithoutHistory([2]));
        Assert.Equal([2U], Log(null, null, [], [2, 3]).WithoutHistory([1]));
    }

    [Fact]
    public void A_name_far_away_costs_no_time()
    {
        var log = Log(null, null, [1, 2, 0xffffffff]);
        Assert.Equal(0xffffffff - 3UL, Assert.Single(new WalRoute(log, log.LineOf(1), Place(1)).Missing).Count);
    }

    private static ulong Place(ulong segment) => (segment * Size) + 0x100;

    /// <param name="second">The history of timeline 2.</param>
    /// <param name="third">The history of timeline 3.</param>
    /// <param name="segments">The segments' numbers, by timeline from 1 on.</param>
    private static WalTimelines Log(string[]? second, string[]? third, params ulong[][] segments)
    {
        var files = segments.SelectMany((numbers, i) => numbers.Select(n => WalFile.Segment((uint)i + 1, n, Size)))
            .Concat(new[] { second is null ? 0U : 2U, third is null ? 0U : 3U }.Where(t => t > 0).Select(WalFile.History));
        return new WalTimelines(files.Select(f => (f, default(StoredObject))), Size, f => Encoding.UTF8.GetBytes((f.Timeline == 2 ? second! : third!)[0]));
    }
}
