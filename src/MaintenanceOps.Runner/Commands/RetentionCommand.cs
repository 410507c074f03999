using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RetentionCommand : RunnerCommand
{
    private static readonly Option<int> KeepLast = Keep("last", "The newest ones.");
    private static readonly Option<int> KeepHourly = Keep("hourly", "The newest of each of so many hours that have snapshots.");
    private static readonly Option<int> KeepDaily = Keep("daily", "The same for days.");
    private static readonly Option<int> KeepWeekly = Keep("weekly", "The same for weeks, Monday to Sunday.");
    private static readonly Option<int> KeepMonthly = Keep("monthly", "The same for months.");
    private static readonly Option<int> KeepYearly = Keep("yearly", "The same for years.");
    private static readonly Option<TimeSpan?> KeepWithin = new("--keep-within") { Description = "All that are no older than this, counted from the source's newest.", HelpName = "duration", CustomParser = Values.Duration };
    private static readonly Option<string[]> KeepTag = new("--keep-tag") { Description = "All with one of these tags.", HelpName = "word", DefaultValueFactory = _ => [] };
    private static readonly Option<TimeZoneInfo?> Zone = new("--time-zone") { Description = "Where hours, days and weeks begin: Europe/Berlin, local. [default: UTC]", HelpName = "name", CustomParser = Values.TimeZone };

    public RetentionCommand()
        : base(
            "retention",
            "Remove snapshots that no rule keeps. The newest and the newest verified one of a source always stay.",
            "mops retention --keep-daily 7 --keep-weekly 4 --keep-monthly 3 --dry-run",
            "mops retention --source 'notes/*' --keep-last 3 --keep-within 14d --time-zone Europe/Berlin") =>
        Use(SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.SourcePatterns, SharedOptions.Tags, KeepLast, KeepHourly, KeepDaily, KeepWeekly, KeepMonthly, KeepYearly, KeepWithin, KeepTag, Zone, SharedOptions.DryRun, SharedOptions.Force);

    protected override ExitCode Execute(RunnerContext context)
    {
        var policy = new RetentionPolicy
        {
            KeepLast = context.Get(KeepLast),
            KeepHourly = context.Get(KeepHourly),
            KeepDaily = context.Get(KeepDaily),
            KeepWeekly = context.Get(KeepWeekly),
            KeepMonthly = context.Get(KeepMonthly),
            KeepYearly = context.Get(KeepYearly),
            KeepWithin = context.Get(KeepWithin),
            KeepTags = context.Get(KeepTag)!,
            TimeZone = context.Get(Zone) ?? TimeZoneInfo.Utc,
        };
        using var repository = context.OpenRepository();
        var retention = new RetentionRun(repository, policy, context.Get(SharedOptions.Force));
        var filter = new SnapshotFilter { Sources = context.Get(SharedOptions.SourcePatterns)!, Tags = context.Get(SharedOptions.Tags)! };
        var dryRun = context.Get(SharedOptions.DryRun);
        var decisions = new List<RetentionDecision>();
        var code = ExitCode.Done;
        foreach (var source in retention.SnapshotsBySource(filter, null, context.Sink))
        {
            try
            {
                decisions.AddRange(retention.Decide(source).Select(d => Carry(retention, d, dryRun, context.Cancellation)));
            }
            catch (MaintenanceException e) when (e.Code == ErrorCode.RetentionSuspicious)
            {
                // The other sources are none the worse for it.
                context.Report(e);
                code = ExitCode.Failed;
            }
        }

        context.Output.Table(decisions, Tables.Decisions);
        var going = decisions.Count(d => !d.Keep);
        context.Output.Text(dryRun
            ? $"{decisions.Count - going:N0} would stay, {going:N0} would go."
            : $"{decisions.Count - going:N0} kept, {going:N0} removed.{(going > 0 ? " 'mops repo prune' frees their space." : "")}");
        return code;
    }

    private static RetentionDecision Carry(RetentionRun retention, RetentionDecision decision, bool dryRun, CancellationToken cancellation)
    {
        if (decision.Keep || dryRun)
        {
            return decision;
        }

        cancellation.ThrowIfCancellationRequested();
        return retention.Remove(decision);
    }

    private static Option<int> Keep(string name, string description)
    {
        var option = new Option<int>($"--keep-{name}") { Description = description, HelpName = "count" };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, out var count) && count < -1)
            {
                result.AddError($"--keep-{name} {count} makes no sense; -1 keeps all.");
            }
        });
        return option;
    }
}
