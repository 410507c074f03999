using System.CommandLine;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Modes;
using MaintenanceOps.Engine.Modes.Hooks;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

/// <summary>Groups what is done with maintenance mode.</summary>
internal sealed class ModeCommand : Command
{
    public ModeCommand()
        : base("mode", "Close an application to its users for a while, and open it again.")
    {
        Subcommands.Add(new ModeOnCommand());
        Subcommands.Add(new ModeExtendCommand());
        Subcommands.Add(new ModeOffCommand());
        Subcommands.Add(new ModeStatusCommand());
        Subcommands.Add(new ModeHistoryCommand());
        Subcommands.Add(new ModeExpireCommand());
        Subcommands.Add(new ModeProxyCommand());
    }
}

/// <summary>What the commands of maintenance mode have in common: the flag, and how the state is told.</summary>
internal abstract class ModeSubcommand(string name, string description, params string[] examples) : RunnerCommand(name, description, examples)
{
    internal static readonly Argument<string> Flag = new("flag") { Description = "The file that closes the application while it exists; or a plan (.yaml) that names it." };

    protected static readonly Option<TimeSpan?> For = new("--for") { Description = "How long at most. [default: 30m]", HelpName = "duration", CustomParser = Values.Duration };

    protected static readonly Option<string?> LeaseId = new("--lease-id") { Description = "The lease; the one taken last where it is left out.", HelpName = "id" };

    protected static readonly TimeSpan DefaultFor = TimeSpan.FromMinutes(30);

    protected abstract MaintenanceMode Change(MaintenanceWindow window, RunnerContext context);

    protected override ExitCode Execute(RunnerContext context)
    {
        var mode = Change(Window(context), context);
        if (!context.Get(SharedOptions.Quiet))
        {
            context.Output.Table([mode], Tables.Modes);
        }

        return Judge(mode);
    }

    protected virtual ExitCode Judge(MaintenanceMode mode) => ExitCode.Done;

    /// <summary>The plan that was named in place of a flag.</summary>
    protected static PlanFile? Plan(RunnerContext context) => context.Get(Flag) is { } given && PlanFile.IsNamed(given) ? PlanFile.Load(given) : null;

    /// <summary>The flag that is meant.</summary>
    internal static string FlagPath(RunnerContext context) => Plan(context) is { } plan ? MaintenancePlan.ToOpen(plan).FlagPath : context.Get(Flag)!;

    /// <summary>Reads of a plan what is needed to open; who closes needs more.</summary>
    protected virtual MaintenancePlan Read(PlanFile plan) => MaintenancePlan.ToOpen(plan);

    private MaintenanceWindow Window(RunnerContext context) =>
        new(new MaintenanceSwitch(FlagPath(context), context.Sink), Plan(context) is { } plan ? Read(plan) : null, context.Sink);
}

internal sealed class ModeOnCommand : ModeSubcommand
{
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for the history and whoever asks.", HelpName = "text" };

    public ModeOnCommand()
        : base("on", "Take a lease: closed until it is ended or its time is over.", "mops mode on /run/notes/maintenance.flag --for 30m --reason 'new version'") =>
        Use(Flag, For, Reason);

    protected override MaintenancePlan Read(PlanFile plan) => MaintenancePlan.Of(plan);

    protected override MaintenanceMode Change(MaintenanceWindow window, RunnerContext context) =>
        window.Enter(context.Get(For) ?? DefaultFor, context.Get(Reason) ?? "", context.Cancellation).Mode;
}

internal sealed class ModeExtendCommand : ModeSubcommand
{
    public ModeExtendCommand()
        : base("extend", "Give a lease so much time from now on.", "mops mode extend /run/notes/maintenance.flag --for 1h") =>
        Use(Flag, For, LeaseId);

    protected override MaintenancePlan Read(PlanFile plan) => MaintenancePlan.ToExtend(plan);

    protected override MaintenanceMode Change(MaintenanceWindow window, RunnerContext context) =>
        window.Extend(context.Get(For) ?? DefaultFor, context.Get(LeaseId), context.Cancellation);
}

internal sealed class ModeOffCommand : ModeSubcommand
{
    private static readonly Option<bool> All = new("--all") { Description = "End all leases." };
    private static readonly Option<bool> WhenHealthy = new("--when-healthy") { Description = "Only after the plan's checks, or --health-uri, are up; until then it stays closed. Exit code 3 where that does not come in time." };
    private static readonly Option<string[]> HealthUri = new("--health-uri") { Description = "What must be up, where no plan says so.", HelpName = "address", DefaultValueFactory = _ => [] };
    private static readonly Option<TimeSpan?> HealthTimeout = new("--health-timeout") { Description = "How long that may take. [default: 5m]", HelpName = "duration", CustomParser = Values.Duration };

    public ModeOffCommand()
        : base("off", "End a lease; open when it was the last one.", "mops mode off /run/notes/maintenance.flag", "mops mode off /run/notes/maintenance.flag --all", "mops mode off maintenance.yaml --when-healthy") =>
        Use(Flag, LeaseId, All, WhenHealthy, HealthUri, HealthTimeout);

    protected override MaintenanceMode Change(MaintenanceWindow window, RunnerContext context) =>
        context.Get(WhenHealthy) ? window.LeaveWhenHealthy(() => Leave(window, context), Checks(context), context.Get(HealthTimeout) ?? TimeSpan.FromMinutes(5), context.Cancellation) : Leave(window, context);

    private static MaintenanceMode Leave(MaintenanceWindow window, RunnerContext context) =>
        context.Get(All) ? window.LeaveAll(context.Cancellation) : window.Leave(context.Get(LeaseId), context.Cancellation);

    private static IReadOnlyList<HealthCheck> Checks(RunnerContext context) => context.Get(HealthUri) is { Length: > 0 } addresses
        ? [.. addresses.Select(a => new HttpProbe(new HttpQuestion { Uri = WebAddress.Parse(a) })).Select(p => new HealthCheck { Name = p.Target, Probe = p })]
        : HealthPlan.Checks(Plan(context) ?? throw new MaintenanceException(ErrorCode.InvalidArgument, "--when-healthy needs something to look at: a plan, or --health-uri."));
}

internal sealed class ModeStatusCommand : ModeSubcommand
{
    public ModeStatusCommand()
        : base("status", "Tell whether it is closed, by whom and until when. Exit code 3 while it is.", "mops mode status /run/notes/maintenance.flag") =>
        Use(Flag);

    protected override MaintenanceMode Change(MaintenanceWindow window, RunnerContext context) => window.Get(context.Cancellation);

    protected override ExitCode Judge(MaintenanceMode mode) => mode.Enabled ? ExitCode.Unhealthy : ExitCode.Done;
}

internal sealed class ModeExpireCommand : ModeSubcommand
{
    public ModeExpireCommand()
        : base("expire", "End the leases whose time is over: for a scheduler, each minute.", "mops mode expire /run/notes/maintenance.flag --quiet") =>
        Use(Flag);

    protected override MaintenanceMode Change(MaintenanceWindow window, RunnerContext context) => window.Get(context.Cancellation);
}

internal sealed class ModeHistoryCommand : RunnerCommand
{
    public ModeHistoryCommand()
        : base("history", "Tell what happened, the oldest first.", "mops mode history /run/notes/maintenance.flag") =>
        Use(ModeSubcommand.Flag);

    protected override ExitCode Execute(RunnerContext context)
    {
        context.Output.Table([.. new MaintenanceSwitch(ModeSubcommand.FlagPath(context), context.Sink).History()], Tables.ModeEvents);
        return ExitCode.Done;
    }
}
