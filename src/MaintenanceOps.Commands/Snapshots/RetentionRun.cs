using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>One application of a retention policy to one repository.</summary>
internal sealed class RetentionRun(Repository repository, RetentionPolicy policy, bool force)
{
    private readonly SnapshotCatalog catalog = new(repository);

    /// <summary>The time zone with an id of the system or of the IANA.</summary>
    public static TimeZoneInfo ZoneOf(string id) => TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone)
        ? zone
        : throw new MaintenanceException(ErrorCode.InvalidArgument, $"The system knows no time zone '{id}'. Use a name such as Europe/Berlin or UTC.", id);

    /// <summary>What to decide about. One source is decided at a time, so that a suspicious one does not stop the others.</summary>
    public IReadOnlyList<IGrouping<string, Snapshot>> SnapshotsBySource(string[] sources, HashSet<string>? ids, IOperationSink sink)
    {
        // A policy that keeps nothing is refused before anything else is looked at.
        Retention.Decide([], policy, DateTimeOffset.UtcNow);
        var snapshots = catalog.List(new SnapshotFilter { Sources = sources }, sink);
        return [.. snapshots
            .Where(s => ids is null || ids.Contains(s.Id) || ids.Any(id => s.Id.StartsWith(id, StringComparison.OrdinalIgnoreCase)))
            .GroupBy(s => s.Source)
            .OrderBy(g => g.Key, StringComparer.Ordinal)];
    }

    public IReadOnlyList<RetentionDecision> Decide(IEnumerable<Snapshot> source) => Retention.Decide(source, policy, DateTimeOffset.UtcNow, force);

    public RetentionDecision Remove(RetentionDecision decision)
    {
        catalog.Remove(decision.Snapshot.Id);
        return decision with { Removed = true };
    }

    public void Prune(OperationOutput output, PruneOptions options)
    {
        var result = new RepositoryPrune(repository, output).Run(options, output.Cancellation);
        output.Inform($"{repository.Location}: {ByteSize.Format(result.Freed)} became free{(result.SizeDoomed > 0 ? $", {ByteSize.Format(result.SizeDoomed)} will with a later prune" : "")}.");
    }
}
