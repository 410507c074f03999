using MaintenanceOps.Engine;

namespace MaintenanceOps.Runner.Output;

/// <summary>How each kind of record reads as a table. The name comes last: it is what may be long.</summary>
internal static class Tables
{
    public static readonly TextTable<Snapshot> Snapshots = new(
        new("ID", s => s.ShortId),
        new("CREATED (UTC)", s => Time(s.Created)),
        new("KIND", s => s.Kind switch { SnapshotKind.PostgresLogical => "dump", SnapshotKind.PostgresPhysical => "cluster", var kind => kind.ToString().ToLowerInvariant() }),
        new("SIZE", s => ByteSize.Format(s.Size), Right: true),
        new("STORED", s => ByteSize.Format(s.StoredSize), Right: true),
        new("STATE", State),
        new("TAGS", s => string.Join(',', s.Tags)),
        new("SOURCE", s => s.Source.Length > 0 ? s.Source : "(unreadable)"));

    public static readonly TextTable<SnapshotItem> Items = new(
        new("KIND", i => i.Kind.ToString().ToLowerInvariant()),
        new("SIZE", i => i.Kind == SnapshotItemKind.File ? ByteSize.Format(i.Size) : "", Right: true),
        new("ROWS", i => i.Rows < 0 ? "" : $"{i.Rows:N0}", Right: true),
        new("MODE", i => i.Mode),
        new("MODIFIED (UTC)", i => i.Modified is { } m ? Time(m) : ""),
        new("PATH", i => i.Path + (i.Target.Length > 0 ? $" -> {i.Target}" : "") + (i.Note.Length > 0 ? $" ({i.Note})" : "")));

    public static readonly TextTable<SnapshotTest> Tests = new(
        new("ID", t => t.ShortId),
        new("CREATED (UTC)", t => Time(t.Created)),
        new("LEVEL", t => t.Level.ToString().ToLowerInvariant()),
        new("RESULT", t => t.Passed ? "passed" : t.Unproven ? "UNPROVEN" : t.Damaged ? "DAMAGED" : "FAILED"),
        new("TIME", t => Elapsed(t.Elapsed), Right: true),
        new("SIZE", t => ByteSize.Format(t.Size), Right: true),
        new("ROWS", t => t.Rows < 0 ? "" : $"{t.Rows:N0}", Right: true),
        new("FILES", t => t.Files < 0 ? "" : $"{t.Files:N0}", Right: true),
        new("SOURCE", t => t.Source));

    public static readonly TextTable<SnapshotDifference> Differences = new(
        new("CHANGE", d => d.Change.ToString().ToLowerInvariant()),
        new("KIND", d => d.ItemKind.ToString().ToLowerInvariant()),
        new("BEFORE", d => d.ReferenceSize is >= 0 and var s && d.ItemKind == SnapshotItemKind.File ? ByteSize.Format(s) : "", Right: true),
        new("AFTER", d => d.DifferenceSize is >= 0 and var s && d.ItemKind == SnapshotItemKind.File ? ByteSize.Format(s) : "", Right: true),
        new("ADDED", d => Count(d.RowsAdded), Right: true),
        new("REMOVED", d => Count(d.RowsRemoved), Right: true),
        new("CHANGED", d => Count(d.RowsChanged), Right: true),
        new("PATH", d => d.Path + (d.Detail.Length > 0 ? $" ({d.Detail})" : "")));

    public static readonly TextTable<RetentionDecision> Decisions = new(
        new("", d => d.Keep ? "keep" : d.Removed ? "removed" : "remove"),
        new("ID", d => d.Snapshot.ShortId),
        new("CREATED (UTC)", d => Time(d.Snapshot.Created)),
        new("SIZE", d => ByteSize.Format(d.Snapshot.Size), Right: true),
        new("SOURCE", d => d.Source),
        new("REASONS", d => string.Join(", ", d.Reasons)));

    public static readonly TextTable<RepositoryFinding> Findings = new(
        new("SEVERITY", f => f.Severity.ToString().ToLowerInvariant()),
        new("RULE", f => f.Rule),
        new("FINDING", f => f.Message));

    public static readonly TextTable<WalArchiveState> WalArchives = new(
        new("CLUSTER", w => w.System.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        new("SEGMENTS", w => $"{w.Segments:N0}", Right: true),
        new("STORED", w => ByteSize.Format(w.StoredSize), Right: true),
        new("LAST ARCHIVED (UTC)", w => w.LastArchived is { } at ? Time(at) : ""),
        new("LAST", w => w.Last),
        new("STATE", w => w.Healthy ? "whole" : "BROKEN"));

    public static readonly TextTable<MaintenanceMode> Modes = new(
        new("STATE", m => m.Enabled ? "closed" : "open"),
        new("SINCE (UTC)", m => m.Since is { } at ? Time(at) : ""),
        new("UNTIL (UTC)", m => m.Until is { } at ? Time(at) : ""),
        new("LEASES", m => m.Leases.Count > 1 ? $"{m.Leases.Count}" : "", Right: true),
        new("LEASE", m => m.Leases.Count > 0 ? m.Leases[^1].Id : ""),
        new("BY", m => m.By),
        new("FLAG", m => m.FlagPath),
        new("REASON", m => m.Reason));

    public static readonly TextTable<MaintenanceModeEvent> ModeEvents = new(
        new("AT (UTC)", e => Time(e.At)),
        new("ACTION", e => e.Action.ToString().ToLowerInvariant()),
        new("UNTIL (UTC)", e => Time(e.Lease.Until)),
        new("LEASE", e => e.Lease.Id),
        new("BY", e => e.Lease.By),
        new("REASON", e => e.Lease.Reason));

    public static readonly TextTable<HealthResult> Health = new(
        new("STATUS", r => r.Status == HealthStatus.Healthy ? "healthy" : r.Status.ToString().ToUpperInvariant()),
        new("KIND", r => r.Kind),
        new("LATENCY", r => Elapsed(r.Latency), Right: true),
        new("STREAK", r => $"{r.Streak:N0}{(r.Flapping ? " flapping" : "")}", Right: true),
        new("", r => r.InMaintenance ? "in maintenance" : ""),
        new("NAME", r => r.Name),
        new("REASON", r => r.Reason));

    public static readonly TextTable<HealthHistory> HealthHistories = new(
        new("WINDOW", h => Duration.Format(h.Window), Right: true),
        new("UPTIME", h => h.Uptime is { } up ? $"{up * 100:0.00} %" : "", Right: true),
        new("LOOKS", h => $"{h.Looks:N0}", Right: true),
        new("P50", h => h.P50 is { } p ? Elapsed(p) : "", Right: true),
        new("P95", h => h.P95 is { } p ? Elapsed(p) : "", Right: true),
        new("P99", h => h.P99 is { } p ? Elapsed(p) : "", Right: true),
        new("STATUS", h => $"{h.Status.ToString().ToLowerInvariant()}{(h.Flapping ? ", flapping" : "")}"),
        new("STREAK", h => $"{h.Streak:N0}", Right: true),
        new("SINCE (UTC)", h => Time(h.Since)),
        new("NAME", h => h.Name));

    public static readonly TextTable<DatabaseFinding> DatabaseFindings = new(
        new("SEVERITY", f => f.Severity == FindingSeverity.Information ? "info" : f.Severity.ToString().ToUpperInvariant()),
        new("RULE", f => f.Rule),
        new("ACTION", f => f.Action?.ToString().ToLowerInvariant() ?? ""),
        new("GAIN", f => f.Gain is { } gain ? ByteSize.Format(gain) : "", Right: true),
        new("TAKES", f => f.EstimatedTime is { } time ? Elapsed(time) : "", Right: true),
        new("OBJECT", f => f.Object),
        new("FINDING", f => f.Message));

    public static readonly TextTable<IntegrityResult> IntegrityResults = new(
        new("RESULT", r => r.Passed ? "passed" : r.Reason.Length > 0 ? "NOT CHECKED" : "FAILED"),
        new("CHECK", r => r.Check),
        new("PROBLEMS", r => $"{r.ProblemCount:N0}", Right: true),
        new("TIME", r => Elapsed(r.Elapsed), Right: true),
        new("DATABASE", r => r.Database),
        new("REASON", r => r.Reason));

    public static readonly TextTable<OptimizationResult> Optimizations = new(
        new("", r => r.Status == OptimizationStatus.Failed ? "FAILED" : r.Status.ToString().ToLowerInvariant()),
        new("STEP", r => r.Step.ToString().ToLowerInvariant()),
        new("BEFORE", r => r.SizeBefore is { } size ? ByteSize.Format(size) : "", Right: true),
        new("AFTER", r => r.SizeAfter is { } size ? ByteSize.Format(size) : "", Right: true),
        new("TIME", r => Elapsed(r.Elapsed), Right: true),
        new("OBJECT", r => r.Object),
        new("REASON", r => r.Reason));

    /// <summary>How far a snapshot can be relied on, with a count of what is missing and a mark where its clock was wrong.</summary>
    private static string State(Snapshot snapshot)
    {
        var state = snapshot.State switch
        {
            SnapshotState.Damaged => "DAMAGED",
            _ when snapshot.AssertionFailed => "FAILED",
            SnapshotState.Incomplete => $"INCOMPLETE, {snapshot.MissingCount:N0} missing",
            SnapshotState.PartlyChecked => "partly checked",
            var other => other.ToString().ToLowerInvariant(),
        };
        return snapshot.ClockDoubtful ? $"{state}, clock wrong" : state;
    }

    public static string Time(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture);

    public static string Elapsed(TimeSpan time) => time switch
    {
        { TotalSeconds: < 0.9995 } => $"{time.TotalMilliseconds:0} ms",
        { TotalSeconds: < 60 } => $"{time.TotalSeconds:0.0} s",
        { TotalHours: < 1 } => $"{(int)time.TotalMinutes} min {time.Seconds:00} s",
        _ => $"{(int)time.TotalHours} h {time.Minutes:00} min",
    };

    public static string Share(long part, long whole) => whole == 0 ? "0 %" : $"{100.0 * part / whole:0.##} %";

    private static string Count(long? rows) => rows is { } r ? $"{r:N0}" : "";
}
