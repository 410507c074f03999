using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>The newest snapshot is the one that was taken last, whatever the clock said.</summary>
public sealed class SnapshotOrderTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 24, 3, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("0 1 2 3", "")]
    [InlineData("0 9000 1 2", "2")] // One backup a year ahead.
    [InlineData("9000 1 2 3", "1")]
    [InlineData("0 1 -3650 2 3", "3")] // A dead clock battery.
    [InlineData("0.00005 0.00003 0.00001 0.00004 0.00002", "")] // Side by side.
    [InlineData("-1 -2", "1")] // Both are in the past: the later one is believed.
    public void A_time_that_contradicts_the_order_is_marked(string days, string doubtful)
    {
        var taken = days.Split(' ').Select((d, i) => At(i + 1, Now.AddDays(-20 + double.Parse(d, System.Globalization.CultureInfo.InvariantCulture)))).ToList();
        var ordered = SnapshotOrder.Of(Enumerable.Reverse(taken), Now);
        Assert.Equal(taken.Select(s => s.Number), ordered.Select(s => s.Number));
        Assert.Equal(doubtful, string.Join(' ', ordered.Where(s => s.ClockDoubtful).Select(s => s.Number)));
        for (var i = 1; i < ordered.Count; i++)
        {
            Assert.True(ordered[i - 1].Moment <= ordered[i].Moment, "moments fall");
        }
    }

    [Fact]
    public void Random_jumps_never_change_the_order_and_leave_moments_that_rise()
    {
        var random = new Random(11);
        for (var round = 0; round < 300; round++)
        {
            var taken = Enumerable.Range(1, random.Next(1, 30))
                .Select(n => At(n, Now.AddHours((n * 3) - 500 + (random.Next(4) == 0 ? random.Next(-20000, 20000) : 0))))
                .ToList();
            var ordered = SnapshotOrder.Of(taken.OrderBy(_ => random.Next()), Now);
            Assert.Equal(taken.Select(s => s.Id), ordered.Select(s => s.Id));
            Assert.All(ordered.Where(s => s.Created > Now.AddHours(1)), s => Assert.True(s.ClockDoubtful));
            Assert.All(ordered.Zip(ordered.Skip(1)), pair => Assert.True(pair.First.Moment <= pair.Second.Moment));
            Assert.All(ordered.Where(s => !s.ClockDoubtful), s => Assert.InRange(s.Created - s.Moment, -SnapshotOrder.ClockTolerance, SnapshotOrder.ClockTolerance));
        }
    }

    [Fact]
    public void A_backup_with_a_clock_ahead_is_not_the_latest_and_the_list_says_so()
    {
        using var folder = new TestFolder();
        var clock = new SetClock { Now = DateTimeOffset.UtcNow.AddYears(1) };
        Repository.Create(folder["repository"], null).Dispose();
        File.WriteAllText(folder["file"], "old");
        using (var ahead = Repository.Open(folder["repository"], time: clock))
        {
            ahead.BackUpFiles(folder["file"], "app");
        }

        File.WriteAllText(folder["file"], "new");
        using var repository = Repository.Open(folder["repository"]);
        var newer = repository.BackUpFiles(folder["file"], "app");
        var sink = new WarningSink();
        var catalog = new SnapshotCatalog(repository);
        Assert.Equal(newer.Id, catalog.List(sink: sink)[^1].Id);
        Assert.Contains("clock was wrong", Assert.Single(sink.Messages), StringComparison.Ordinal);
        Assert.Equal(newer.Id, catalog.Find("latest", "app").Id);
        Assert.Equal(2, newer.Number);

        var decisions = Retention.Decide(catalog.List(), new RetentionPolicy { KeepLast = 1 }, DateTimeOffset.UtcNow);
        Assert.Equal(newer.Id, Assert.Single(decisions, d => d.Keep).Id);
    }

    private static Snapshot At(long number, DateTimeOffset created) => new()
    {
        Id = $"{number:d64}",
        Repository = "r",
        Source = "s",
        Kind = SnapshotKind.Sqlite,
        Number = number,
        Created = created,
    };
}
