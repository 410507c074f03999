using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Decides by rules which snapshots stay, says why, and removes the others.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "SnapshotRetention", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RetentionDecision))]
public sealed class InvokeSnapshotRetentionCommand : RepositoryCmdlet
{
    private readonly Dictionary<string, HashSet<string>> piped = new(StringComparer.Ordinal);

    /// <summary>The snapshots to decide about; all of the repository where nothing is piped.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ArgumentCompleter(typeof(SnapshotCompleter))]
    public SnapshotReference? Snapshot { get; set; }

    /// <summary>Only these sources; wildcards are allowed.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(SourceCompleter))]
    [SupportsWildcards]
    public string[] Source { get; set; } = [];

    /// <summary>Keeps so many of the newest; -1 keeps all.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int KeepLast { get; set; }

    /// <summary>Keeps the newest of each of so many hours.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int KeepHourly { get; set; }

    /// <summary>Keeps the newest of each of so many days.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int KeepDaily { get; set; }

    /// <summary>Keeps the newest of each of so many weeks.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int KeepWeekly { get; set; }

    /// <summary>Keeps the newest of each of so many months.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int KeepMonthly { get; set; }

    /// <summary>Keeps the newest of each of so many years.</summary>
    [Parameter]
    [ValidateRange(-1, int.MaxValue)]
    public int KeepYearly { get; set; }

    /// <summary>Keeps all that are no older than this, counted from the newest of the source.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? KeepWithin { get; set; }

    /// <summary>Keeps all with one of these tags.</summary>
    [Parameter]
    public string[] KeepTag { get; set; } = [];

    /// <summary>The time zone in which hours, days, weeks, months and years begin; UTC where it is left out.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(TimeZoneCompleter))]
    [ValidateNotNullOrEmpty]
    public string? TimeZone { get; set; }

    /// <summary>Frees the space at the end, as Optimize-SnapshotRepository does.</summary>
    [Parameter]
    public SwitchParameter Prune { get; set; }

    /// <summary>With -Prune: how far back PostgreSQL clusters must be recoverable to any moment; older log is removed.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? RecoveryWindow { get; set; }

    /// <summary>With -Prune: removes at once what nothing needs, without waiting for the grace. Give it only where nobody else works in the repository.</summary>
    [Parameter]
    public SwitchParameter Now { get; set; }

    /// <summary>With -Prune: how long what nothing needs stays doomed before a later prune removes it. A day where it is left out.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Grace { get; set; }

    /// <summary>Goes on where the newest snapshot or the clock looks suspicious.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (Snapshot is not null)
        {
            var location = LocationOf(Snapshot.Repository);
            (piped.TryGetValue(location, out var ids) ? ids : piped[location] = new(StringComparer.OrdinalIgnoreCase)).Add(Snapshot.Id);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if ((RecoveryWindow is not null || Now || Grace is not null) && !Prune)
        {
            ThrowTerminatingError(ErrorRecords.From(new MaintenanceException(ErrorCode.InvalidArgument, "-RecoveryWindow, -Now and -Grace say how a prune goes about it. Give -Prune with them."), RecoveryWindow));
        }

        // An empty pipeline means no snapshot; it must never mean all of them.
        if (piped.Count == 0 && !MyInvocation.ExpectingInput)
        {
            Apply(Open(), null);
        }

        foreach (var (location, ids) in piped)
        {
            Apply(Open(location, Passphrase, KeyFile, initialize: false), ids);
        }
    }

    private void Apply(Repository repository, HashSet<string>? ids)
    {
        var retention = new RetentionRun(repository, Policy(), Force);
        foreach (var source in Require(repository.Location, output => retention.SnapshotsBySource(new SnapshotFilter { Sources = Source }, ids, output)))
        {
            IReadOnlyList<RetentionDecision> decisions = [];
            if (!Run(source.Key, _ => decisions = retention.Decide(source)))
            {
                continue;
            }

            foreach (var decision in decisions)
            {
                Carry(retention, decision);
            }
        }

        if (Prune && ShouldProcess(repository.Location, "Remove what no snapshot needs"))
        {
            var options = new PruneOptions { Now = Now, Grace = Grace ?? PruneOptions.DefaultGrace, RecoveryWindow = RecoveryWindow };
            Run(repository.Location, output =>
            {
                var result = new RepositoryPrune(repository, output).Run(options, output.Cancellation);
                output.Inform($"{repository.Location}: {ByteSize.Format(result.Freed)} became free{(result.SizeDoomed > 0 ? $", {ByteSize.Format(result.SizeDoomed)} will with a later prune" : "")}.");
            });
        }
    }

    private void Carry(RetentionRun retention, RetentionDecision decision)
    {
        var snapshot = decision.Snapshot;
        if (decision.Keep || !ShouldProcess($"{snapshot.ShortId} of '{snapshot.Source}', taken {snapshot.Created:yyyy-MM-dd HH:mm} UTC", "Remove the snapshot"))
        {
            WriteObject(decision);
        }
        else
        {
            Run(snapshot, output => output.Write(retention.Remove(decision)));
        }
    }

    private RetentionPolicy Policy() => new()
    {
        KeepLast = KeepLast,
        KeepHourly = KeepHourly,
        KeepDaily = KeepDaily,
        KeepWeekly = KeepWeekly,
        KeepMonthly = KeepMonthly,
        KeepYearly = KeepYearly,
        KeepWithin = KeepWithin,
        KeepTags = KeepTag,
        TimeZone = TimeZone is null ? TimeZoneInfo.Utc : Require(TimeZone, _ => RetentionRun.ZoneOf(TimeZone)),
    };
}
