using System.Globalization;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// Decides which snapshots stay: the newest of each bucket of local time that has snapshots, the union of all rules. The
/// newest snapshot of a source, its newest complete one and its newest verified one (checked or restored) always stay.
/// </summary>
public static class Retention
{
    /// <summary>A newest snapshot below this share of the one before is suspicious: perhaps the source has been emptied.</summary>
    private const double SuspiciousShare = 0.5;

    /// <summary>Snapshots of this many bytes and less shrink for good reasons.</summary>
    private const long TooSmallToTell = 1024 * 1024;

    /// <summary>Decides about snapshots of any number of sources, each source by itself.</summary>
    /// <param name="snapshots">The snapshots, in any order.</param>
    /// <param name="policy">The rules.</param>
    /// <param name="now">The present moment.</param>
    /// <param name="force">Goes on where something looks suspicious.</param>
    /// <returns>A decision for each snapshot, by source and newest first.</returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.RetentionPolicyEmpty"/>, or <see cref="ErrorCode.RetentionSuspicious"/> without <paramref name="force"/>.
    /// </exception>
    public static IReadOnlyList<RetentionDecision> Decide(IEnumerable<Snapshot> snapshots, RetentionPolicy policy, DateTimeOffset now, bool force = false)
    {
        ArgumentNullException.ThrowIfNull(snapshots);
        ArgumentNullException.ThrowIfNull(policy);
        if (policy.IsEmpty)
        {
            throw new MaintenanceException(ErrorCode.RetentionPolicyEmpty, "The policy keeps nothing, so it would remove every snapshot. Give at least one rule, such as -KeepDaily 7.");
        }

        return [.. snapshots
            .GroupBy(s => (s.Repository, s.Source))
            .OrderBy(g => g.Key.Source, StringComparer.Ordinal)
            .SelectMany(g => DecideSource([.. Enumerable.Reverse(SnapshotOrder.Of(g, now))], policy, now, force))];
    }

    private static IEnumerable<RetentionDecision> DecideSource(List<Snapshot> newestFirst, RetentionPolicy policy, DateTimeOffset now, bool force)
    {
        if (!force)
        {
            RefuseSuspicious(newestFirst, now);
        }

        var reasons = newestFirst.ToDictionary(s => s.Id, _ => new List<string>());
        for (var i = 0; i < newestFirst.Count && (policy.KeepLast < 0 || i < policy.KeepLast); i++)
        {
            reasons[newestFirst[i].Id].Add("last");
        }

        foreach (var (count, name, bucket) in Buckets(policy))
        {
            KeepBuckets(newestFirst, count, name, bucket, policy.TimeZone, reasons);
        }

        foreach (var snapshot in newestFirst)
        {
            if (policy.KeepWithin is { } within && newestFirst[0].Moment - snapshot.Moment <= within)
            {
                reasons[snapshot.Id].Add("within");
            }

            foreach (var tag in policy.KeepTags.Where(t => snapshot.Tags.Contains(t, StringComparer.OrdinalIgnoreCase)))
            {
                reasons[snapshot.Id].Add($"tag {tag}");
            }
        }

        reasons[newestFirst[0].Id].Add("newest");
        if (newestFirst.Find(s => s.State > SnapshotState.Incomplete && !s.AssertionFailed) is { } complete)
        {
            reasons[complete.Id].Add("newest complete");
        }

        if (newestFirst.Find(s => s.State >= SnapshotState.Checked && !s.AssertionFailed) is { } verified)
        {
            reasons[verified.Id].Add("newest verified");
        }

        return newestFirst.Select(s => new RetentionDecision { Snapshot = s, Keep = reasons[s.Id].Count > 0, Reasons = reasons[s.Id] });
    }

    private static IEnumerable<(int Count, string Name, Func<DateTimeOffset, string> Bucket)> Buckets(RetentionPolicy policy) =>
    [
        // An hour is an instant: the one that a clock shows twice in autumn is two, told apart by the offset.
        (policy.KeepHourly, "hourly", t => t.ToString(policy.TimeZone.IsAmbiguousTime(t.DateTime) ? "yyyy-MM-dd HH zzz" : "yyyy-MM-dd HH", CultureInfo.InvariantCulture)),
        (policy.KeepDaily, "daily", t => t.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        (policy.KeepWeekly, "weekly", t => $"{ISOWeek.GetYear(t.DateTime):d4}-W{ISOWeek.GetWeekOfYear(t.DateTime):d2}"),
        (policy.KeepMonthly, "monthly", t => t.ToString("yyyy-MM", CultureInfo.InvariantCulture)),
        (policy.KeepYearly, "yearly", t => t.ToString("yyyy", CultureInfo.InvariantCulture)),
    ];

    private static void KeepBuckets(
        List<Snapshot> newestFirst, int count, string name, Func<DateTimeOffset, string> bucket, TimeZoneInfo zone, Dictionary<string, List<string>> reasons)
    {
        var seen = new HashSet<string>();
        foreach (var snapshot in newestFirst)
        {
            if (count >= 0 && seen.Count >= count)
            {
                return;
            }

            var key = bucket(TimeZoneInfo.ConvertTime(snapshot.Moment, zone));
            if (seen.Add(key))
            {
                reasons[snapshot.Id].Add($"{name} {key}");
            }
        }
    }

    /// <summary>Nothing in place of something is suspicious at any size: a volume that is not mounted looks like that.</summary>
    private static bool HasShrunk(Snapshot newest, Snapshot before) =>
        (newest.Size == 0 && before.Size > 0) || (before.Size > TooSmallToTell && newest.Size < before.Size * SuspiciousShare);

    private static void RefuseSuspicious(List<Snapshot> newestFirst, DateTimeOffset now)
    {
        var newest = newestFirst[0];
        if (newest.Created > now + SnapshotOrder.ClockTolerance)
        {
            throw new MaintenanceException(
                ErrorCode.RetentionSuspicious,
                $"Snapshot {newest.ShortId} of '{newest.Source}' is from {newest.Created:yyyy-MM-dd HH:mm} UTC, which is in the future: a clock has jumped. Nothing is removed; set the clock right, or use -Force.",
                newest.Source);
        }

        if (newestFirst.Count > 1 && HasShrunk(newest, newestFirst[1]))
        {
            throw new MaintenanceException(
                ErrorCode.RetentionSuspicious,
                $"The newest snapshot of '{newest.Source}' has {ByteSize.Format(newest.Size)} and the one before {ByteSize.Format(newestFirst[1].Size)}. Nothing is removed until somebody has looked; use -Force if that is right.",
                newest.Source);
        }
    }
}
