namespace MaintenanceOps.Engine.Snapshots;

/// <summary>One application of a retention policy to one repository, as both fronts carry it out.</summary>
public sealed class RetentionRun(Repository repository, RetentionPolicy policy, bool force)
{
    private readonly SnapshotCatalog catalog = new(repository);

    /// <summary>The time zone with an id of the system or of the IANA.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the system knows no such zone.</exception>
    public static TimeZoneInfo ZoneOf(string id) => TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone)
        ? zone
        : throw new MaintenanceException(ErrorCode.InvalidArgument, $"The system knows no time zone '{id}'. Use a name such as Europe/Berlin or UTC.", id);

    /// <summary>What to decide about. One source is decided at a time, so that a suspicious one does not stop the others.</summary>
    /// <param name="filter">Which snapshots.</param>
    /// <param name="ids">Only these ids or beginnings of ids; null for all.</param>
    /// <param name="sink">Hears of snapshots that cannot be read.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.RetentionPolicyEmpty"/>, or <see cref="ErrorCode.SnapshotNotFound"/>: a source is named that the
    /// repository does not have.
    /// </exception>
    public IReadOnlyList<IGrouping<string, Snapshot>> SnapshotsBySource(SnapshotFilter filter, IReadOnlySet<string>? ids, IOperationSink sink)
    {
        ArgumentNullException.ThrowIfNull(filter);

        // A policy that keeps nothing is refused before anything else is looked at.
        Retention.Decide([], policy, repository.Time.GetUtcNow());
        catalog.RequireSources(filter.Sources);
        return [.. catalog.List(filter, sink)
            .Where(s => ids is null || ids.Contains(s.Id) || ids.Any(id => s.Id.StartsWith(id, StringComparison.OrdinalIgnoreCase)))
            .GroupBy(s => s.Source)
            .OrderBy(g => g.Key, StringComparer.Ordinal)];
    }

    /// <summary>Decides about the snapshots of one source.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.RetentionSuspicious"/>.</exception>
    public IReadOnlyList<RetentionDecision> Decide(IEnumerable<Snapshot> source) => Retention.Decide(source, policy, repository.Time.GetUtcNow(), force);

    /// <summary>Removes a snapshot that does not stay.</summary>
    public RetentionDecision Remove(RetentionDecision decision)
    {
        ArgumentNullException.ThrowIfNull(decision);
        catalog.Remove(decision.Snapshot.Id);
        return decision with { Removed = true };
    }
}
