using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

public sealed class RetentionTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void An_empty_policy_is_refused()
    {
        var refused = Assert.Throws<MaintenanceException>(() => Retention.Decide([At(Now)], new RetentionPolicy(), Now));
        Assert.Equal(ErrorCode.RetentionPolicyEmpty, refused.Code);
    }

    [Fact]
    public void The_newest_and_the_newest_verified_always_stay()
    {
        var snapshots = new[] { At(Now), At(Now.AddDays(-1)), At(Now.AddDays(-2), VerificationLevel.Restore), At(Now.AddDays(-3), VerificationLevel.Full) };
        var kept = Kept(snapshots, new RetentionPolicy { KeepTags = ["none has it"] });
        Assert.Equal([Now, Now.AddDays(-2)], kept);
    }

    [Fact]
    public void A_clock_in_the_future_and_a_sudden_shrink_stop_it()
    {
        var policy = new RetentionPolicy { KeepLast = 1 };
        Assert.Equal(ErrorCode.RetentionSuspicious, Assert.Throws<MaintenanceException>(() => Retention.Decide([At(Now.AddYears(1)), At(Now)], policy, Now)).Code);
        var shrunk = new[] { At(Now) with { Size = 10_000_000 }, At(Now.AddDays(-1)) with { Size = 100_000_000 } };
        Assert.Equal(ErrorCode.RetentionSuspicious, Assert.Throws<MaintenanceException>(() => Retention.Decide(shrunk, policy, Now)).Code);
        Assert.Equal(2, Retention.Decide(shrunk, policy, Now, force: true).Count);

        // Little may shrink as it likes, but not to nothing.
        var small = new[] { At(Now) with { Size = 10 }, At(Now.AddDays(-1)) with { Size = 900_000 } };
        Assert.Equal(2, Retention.Decide(small, policy, Now).Count);
        var empty = new[] { At(Now) with { Size = 0 }, At(Now.AddDays(-1)) with { Size = 900 } };
        Assert.Equal(ErrorCode.RetentionSuspicious, Assert.Throws<MaintenanceException>(() => Retention.Decide(empty, policy, Now)).Code);
    }

    [Fact]
    public void Days_begin_in_the_declared_time_zone_also_when_clocks_change()
    {
        var berlin = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin");

        // 25 October 2026 has 25 hours in Berlin: 22:30 UTC the day before until 22:30 UTC are the same local day.
        var first = new DateTimeOffset(2026, 10, 24, 22, 30, 0, TimeSpan.Zero);
        var last = new DateTimeOffset(2026, 10, 25, 22, 30, 0, TimeSpan.Zero);
        var next = last.AddHours(1);
        var policy = new RetentionPolicy { KeepDaily = 10, TimeZone = berlin };
        Assert.Equal([next, last], Kept([At(first), At(last), At(next)], policy));
        Assert.Equal([next, first], Kept([At(first), At(last), At(next)], policy with { TimeZone = TimeZoneInfo.Utc }));
    }

    [Theory]
    [InlineData("Europe/Berlin", "2026-10-24T23:30Z", 4)]
    [InlineData("America/New_York", "2026-11-01T04:30Z", 4)]
    [InlineData("Australia/Lord_Howe", "2026-04-04T13:30Z", 4)] // The clock goes back by half an hour.
    [InlineData("Europe/Berlin", "2026-03-28T23:30Z", 4)] // The hour that never comes.
    public void An_hour_that_a_clock_shows_twice_is_two_hours(string zone, string first, int hours)
    {
        var begin = DateTimeOffset.Parse(first, CultureInfo.InvariantCulture);
        var snapshots = Enumerable.Range(0, hours).Select(h => At(begin.AddHours(h))).ToList();
        var policy = new RetentionPolicy { KeepHourly = 24, TimeZone = TimeZoneInfo.FindSystemTimeZoneById(zone) };
        Assert.Equal(hours, Kept(snapshots, policy).Count());
    }

    [Fact]
    public void The_newest_complete_one_stays_beside_a_newer_one_that_misses_something()
    {
        var snapshots = new[] { At(Now) with { MissingCount = 2 }, At(Now.AddDays(-1)), At(Now.AddDays(-2)) };
        Assert.Equal([Now, Now.AddDays(-1)], Kept(snapshots, new RetentionPolicy { KeepLast = 1 }));
        var decision = Retention.Decide(snapshots, new RetentionPolicy { KeepLast = 1 }, Now)[1];
        Assert.Equal(["newest complete"], decision.Reasons);
    }

    [Fact]
    public void Sources_are_decided_one_by_one()
    {
        var decisions = Retention.Decide([At(Now) with { Source = "a" }, At(Now.AddDays(-9)) with { Source = "b" }], new RetentionPolicy { KeepLast = 1 }, Now);
        Assert.All(decisions, d => Assert.True(d.Keep));
    }

    /// <summary>
    /// The same random histories through restic's forget. One difference is meant: ours always keeps the newest snapshot.
    /// </summary>
    [PeerFact("restic")]
    public void Keeps_what_restic_keeps_on_random_histories()
    {
        using var folder = new TestFolder();
        var environment = new Dictionary<string, string> { ["RESTIC_PASSWORD"] = "x", ["RESTIC_REPOSITORY"] = folder["restic"], ["TZ"] = "UTC", ["RESTIC_CACHE_DIR"] = folder["cache"] };
        File.WriteAllText(folder["file"], "content");
        Restic(environment, "init");
        var random = new Random(7);
        var moments = new HashSet<DateTimeOffset>();
        while (moments.Count < 60)
        {
            moments.Add(Now.AddMinutes(-random.Next(1, random.Next(2) == 0 ? 60 * 24 * 20 : 60 * 24 * 900)));
        }

        foreach (var moment in moments)
        {
            Restic(environment, "backup", "--host", "h", "--time", moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), folder["file"]);
        }

        for (var round = 0; round < 12; round++)
        {
            int N(int max) => random.Next(3) == 0 ? 0 : random.Next(1, max);
            var policy = new RetentionPolicy { KeepLast = N(5), KeepHourly = N(30), KeepDaily = N(12), KeepWeekly = N(8), KeepMonthly = N(12), KeepYearly = N(3) };
            if (policy.IsEmpty)
            {
                continue;
            }

            var json = Restic(
                environment,
                ["forget", "--dry-run", "--json", "--group-by", "", .. Option("last", policy.KeepLast), .. Option("hourly", policy.KeepHourly), .. Option("daily", policy.KeepDaily), .. Option("weekly", policy.KeepWeekly), .. Option("monthly", policy.KeepMonthly), .. Option("yearly", policy.KeepYearly)]);
            using var document = JsonDocument.Parse(json[json.IndexOf('[', StringComparison.Ordinal)..]);
            var expected = document.RootElement[0].GetProperty("keep").EnumerateArray()
                .Select(k => DateTimeOffset.Parse(k.GetProperty("time").GetString()!, CultureInfo.InvariantCulture).ToUniversalTime())
                .Append(moments.Max()).Distinct().OrderDescending();
            Assert.Equal(expected, Kept([.. moments.Select(m => At(m))], policy));
        }
    }

    private static IEnumerable<string> Option(string name, int count) =>
        count == 0 ? [] : [$"--keep-{name}", count.ToString(CultureInfo.InvariantCulture)];

    private static IEnumerable<DateTimeOffset> Kept(IReadOnlyList<Snapshot> snapshots, RetentionPolicy policy) =>
        Retention.Decide(snapshots, policy, Now).Where(d => d.Keep).Select(d => d.Snapshot.Created);

    private static Snapshot At(DateTimeOffset moment, VerificationLevel verified = VerificationLevel.None) => new()
    {
        Id = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(moment.Ticks))),
        Repository = "r",
        Source = "s",
        Kind = SnapshotKind.Sqlite,
        Created = moment,
        Verified = verified,
    };

    private static string Restic(Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("restic", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        return text;
    }
}
