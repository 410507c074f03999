using System.Management.Automation;
using MaintenanceOps.Engine.Plans;

namespace MaintenanceOps.Commands.Modes;

/// <summary>A cmdlet about maintenance mode: the flag is named, or a plan that names it.</summary>
public abstract class ModeCmdlet : EngineCmdlet
{
    /// <summary>The flag file: the web server answers 503 while it exists. A plan (<c>.yaml</c>) in its place names it.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? FlagPath { get; set; }

    /// <summary>A plan whose section <c>maintenance</c> names the flag.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Plan { get; set; }

    /// <summary>The flag that is meant. It is never asked for: an unattended run would wait for ever.</summary>
    private protected string Flag()
    {
        if (FlagPath is not null && !PlanFile.IsNamed(FlagPath))
        {
            return ProviderPaths.Full(this, FlagPath);
        }

        if (LoadPlan() is { } plan)
        {
            return Require(plan.Location, _ => MaintenancePlan.ToOpen(plan).FlagPath);
        }

        ThrowTerminatingError(ErrorRecords.From(new MaintenanceException(ErrorCode.InvalidArgument, "Give the flag file with -FlagPath, or a plan that names it with -Plan."), null));
        return "";
    }

    /// <summary>The plan; null where none was given.</summary>
    private protected PlanFile? LoadPlan()
    {
        var named = Plan ?? (FlagPath is not null && PlanFile.IsNamed(FlagPath) ? FlagPath : null);
        if (named is null)
        {
            return null;
        }

        var path = ProviderPaths.Full(this, named);
        return Require(path, _ => PlanFile.Load(path));
    }
}
