using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>
/// Looks how old the newest good snapshot is: complete, with no failed test, and in the state that is asked for. What was
/// taken with a wrong clock counts by its place among the others.
/// </summary>
public sealed class BackupProbe : IProbe
{
    private readonly string location;
    private readonly Passphrase? passphrase;
    private readonly string source;
    private readonly TimeSpan maxAge;
    private readonly SnapshotState? required;

    /// <param name="location">The repository: a path or <c>s3://bucket/prefix</c>.</param>
    /// <param name="passphrase">Opens it; the environment's where it is null.</param>
    /// <param name="source">The source whose snapshots count.</param>
    /// <param name="maxAge">Older than this is unhealthy.</param>
    /// <param name="required">
    /// What it must have come to: Written, Checked or Restored. Where it is null, a database must have been checked as its backup
    /// does it, and files must be written.
    /// </param>
    public BackupProbe(string location, Passphrase? passphrase, string source, TimeSpan maxAge, SnapshotState? required = null)
    {
        this.required = required;
        this.location = location;
        this.passphrase = passphrase;
        this.source = source;
        this.maxAge = maxAge;
    }

    /// <summary>The state that a word asks for: written, checked or restored; quick, full and restore mean the same.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: it is no such word.</exception>
    public static SnapshotState ParseState(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        return word.ToLowerInvariant() switch
        {
            "written" or "quick" => SnapshotState.Written,
            "checked" or "full" => SnapshotState.Checked,
            "restored" or "restore" => SnapshotState.Restored,
            _ => throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{word}' is no state that can be asked for. Use written, checked or restored.", word),
        };
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
        var newest = snapshots.LastOrDefault(s => s.State >= RequiredOf(s) && !s.AssertionFailed);
        var wanted = required is { } state ? Words(state) : "verified";
        var verdict = new Verdict();
        verdict.Fact("Snapshots", snapshots.Count);
        if (newest is null)
        {
            verdict.Unhealthy(snapshots.Count == 0 ? $"'{source}' has no snapshot" : $"none of the {snapshots.Count:N0} snapshots of '{source}' is complete and {wanted}");
            return verdict.End("");
        }

        var last = snapshots[^1];
        var age = DateTimeOffset.UtcNow - newest.Moment;
        verdict.Fact("SnapshotId", newest.Id);
        verdict.Fact("Created", newest.Created);
        verdict.Fact("Age", age);
        verdict.Fact("State", newest.State.ToString());
        if (age > maxAge)
        {
            verdict.Unhealthy($"the newest snapshot that is complete and {wanted} is {Duration.Format(age)} old, more than {Duration.Format(maxAge)}");
        }
        else if (age < -SnapshotOrder.ClockTolerance || newest.ClockDoubtful)
        {
            verdict.Degraded($"the time of the newest snapshot {newest.ShortId} ({newest.Created:yyyy-MM-dd HH:mm} UTC) cannot be right: a clock was wrong");
        }
        else if (last.State == SnapshotState.Incomplete)
        {
            verdict.Degraded($"the newest snapshot {last.ShortId} is incomplete: {last.MissingCount:N0} entries could not be read; the one before is {Duration.Format(age)} old");
        }
        else if (last.Damaged || last.AssertionFailed)
        {
            verdict.Degraded($"the newest snapshot {last.ShortId} failed its check; the one before is {Duration.Format(age)} old");
        }

        return verdict.End($"{Duration.Format(age)} old, {Words(newest.State)}");
    }

    private SnapshotState RequiredOf(Snapshot snapshot) =>
        required ?? (snapshot.Kind == SnapshotKind.Files ? SnapshotState.Written : SnapshotState.PartlyChecked);

    private static string Words(SnapshotState state) => state == SnapshotState.PartlyChecked ? "partly checked" : state.ToString().ToLowerInvariant();
}
