using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Looks how old the newest snapshot is that passed a check: a backup that nobody verified is no backup.</summary>
public sealed class BackupProbe : IProbe
{
    private readonly string location;
    private readonly Passphrase? passphrase;
    private readonly string source;
    private readonly TimeSpan maxAge;

    /// <param name="location">The repository: a path or <c>s3://bucket/prefix</c>.</param>
    /// <param name="passphrase">Opens it; the environment's where it is null.</param>
    /// <param name="source">The source whose snapshots count.</param>
    /// <param name="maxAge">Older than this is unhealthy.</param>
    public BackupProbe(string location, Passphrase? passphrase, string source, TimeSpan maxAge)
    {
        this.location = location;
        this.passphrase = passphrase;
        this.source = source;
        this.maxAge = maxAge;
    }

    /// <inheritdoc/>
    public string Kind => "backup";

    /// <inheritdoc/>
    public string Target => $"{source} in {location}";

    /// <summary>A key is made from a passphrase slowly on purpose, and a bucket may be far away.</summary>
    public TimeSpan UsualTimeout => TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public Task<Observation> Observe(ProbeContext context) =>
        Task.Factory.StartNew(Look, context.Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private Observation Look()
    {
        using var repository = Repository.Open(location, passphrase);
        var snapshots = new SnapshotCatalog(repository).List(new SnapshotFilter { Sources = [source] }, SilentSink.Instance);
        var newest = snapshots.LastOrDefault(s => s.Verified != VerificationLevel.None && !s.Damaged && !s.AssertionFailed);
        var verdict = new Verdict();
        verdict.Fact("Snapshots", snapshots.Count);
        if (newest is null)
        {
            verdict.Unhealthy(snapshots.Count == 0 ? $"'{source}' has no snapshot" : $"none of the {snapshots.Count:N0} snapshots of '{source}' is verified");
            return verdict.End("");
        }

        var age = DateTimeOffset.UtcNow - newest.Created;
        verdict.Fact("SnapshotId", newest.Id);
        verdict.Fact("Created", newest.Created);
        verdict.Fact("Age", age);
        verdict.Fact("Verified", newest.Verified.ToString());
        if (age > maxAge)
        {
            verdict.Unhealthy($"the newest verified snapshot is {Duration.Format(age)} old, more than {Duration.Format(maxAge)}");
        }
        else if (snapshots[^1].Damaged || snapshots[^1].AssertionFailed)
        {
            verdict.Degraded($"the newest snapshot {snapshots[^1].ShortId} failed its check; the one before is {Duration.Format(age)} old");
        }

        return verdict.End($"{Duration.Format(age)} old, verified");
    }
}
