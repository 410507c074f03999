using System.CommandLine;
using MaintenanceOps.Engine.Modes;
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
    protected static readonly Argument<string> Flag = new("flag") { Description = "The file that closes the application while it exists." };

    protected static readonly Option<TimeSpan?> For = new("--for") { Description = "How long at most. [default: 30m]", HelpName = "duration", CustomParser = Values.Duration };

    protected static readonly Option<string?> LeaseId = new("--lease-id") { Description = "The lease; the one taken last where it is left out.", HelpName = "id" };

    protected static readonly TimeSpan DefaultFor = TimeSpan.FromMinutes(30);

    protected abstract MaintenanceMode Change(MaintenanceSwitch door, RunnerContext context);

    protected override ExitCode Execute(RunnerContext context)
    {
        var mode = Change(new MaintenanceSwitch(context.Get(Flag)!, context.Sink), context);
        context.Output.Table([mode], Tables.Modes);
        return Judge(mode);
    }

    protected virtual ExitCode Judge(MaintenanceMode mode) => ExitCode.Done;
}

internal sealed class ModeOnCommand : ModeSubcommand
{
    private static readonly Option<string?> Reason = new("--reason") { Description = "Why, for the page and the history.", HelpName = "text" };

    public ModeOnCommand()
        : base("on", "Take a lease: closed until it is ended or its time is over.", "mops mode on /run/notes/maintenance.flag --for 30m --reason 'new version'") =>
        Use(Flag, For, Reason);

    protected override MaintenanceMode Change(MaintenanceSwitch door, RunnerContext context) =>
        door.Enter(context.Get(For) ?? DefaultFor, context.Get(Reason) ?? "", context.Cancellation).Mode;
}

internal sealed class ModeExtendCommand : ModeSubcommand
{
    public ModeExtendCommand()
        : base("extend", "Give a lease so much time from now on.", "mops mode extend /run/notes/maintenance.flag --for 1h") =>
        Use(Flag, For, LeaseId);

    protected override MaintenanceMode Change(MaintenanceSwitch door, RunnerContext context) =>
        door.Extend(context.Get(For) ?? DefaultFor, context.Get(LeaseId), context.Cancellation);
}

internal sealed class ModeOffCommand : ModeSubcommand
{
    private static readonly Option<bool> All = new("--all") { Description = "End all leases." };

    public ModeOffCommand()
        : base("off", "End a lease; open when it was the last one.", "mops mode off /run/notes/maintenance.flag", "mops mode off /run/notes/maintenance.flag --all") =>
        Use(Flag, LeaseId, All);

    protected override MaintenanceMode Change(MaintenanceSwitch door, RunnerContext context) =>
        context.Get(All) ? door.LeaveAll(context.Cancellation) : door.Leave(context.Get(LeaseId), context.Cancellation);
}

internal sealed class ModeStatusCommand : ModeSubcommand
{
    public ModeStatusCommand()
        : base("status", "Tell whether it is closed, by whom and until when. Exit code 3 while it is.", "mops mode status /run/notes/maintenance.flag") =>
        Use(Flag);

    protected override MaintenanceMode Change(MaintenanceSwitch door, RunnerContext context) => door.Get(context.Cancellation);

    protected override ExitCode Judge(MaintenanceMode mode) => mode.Enabled ? ExitCode.Unhealthy : ExitCode.Done;
}

internal sealed class ModeExpireCommand : ModeSubcommand
{
    public ModeExpireCommand()
        : base("expire", "End the leases whose time is over: for a scheduler, each minute.", "mops mode expire /run/notes/maintenance.flag --quiet") =>
        Use(Flag);

    protected override MaintenanceMode Change(MaintenanceSwitch door, RunnerContext context) => door.Get(context.Cancellation);
}

internal sealed class ModeHistoryCommand : RunnerCommand
{
    private static readonly Argument<string> Flag = new("flag") { Description = "The file that closes the application while it exists." };

    public ModeHistoryCommand()
        : base("history", "Tell what happened, the oldest first.", "mops mode history /run/notes/maintenance.flag") =>
        Use(Flag);

    protected override ExitCode Execute(RunnerContext context)
    {
        context.Output.Table([.. new MaintenanceSwitch(context.Get(Flag)!, context.Sink).History()], Tables.ModeEvents);
        return ExitCode.Done;
    }
}
