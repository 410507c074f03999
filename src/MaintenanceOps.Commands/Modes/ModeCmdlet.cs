using System.Management.Automation;
using MaintenanceOps.Engine.Plans;

namespace MaintenanceOps.Commands.Modes;

/// <summary>A cmdlet about maintenance mode: the flag is named, or a plan that names it.</summary>
public abstract class ModeCmdlet : EngineCmdlet
{
    private protected abstract string? GivenFlag { get; }

    private protected abstract string? GivenPlan { get; }

    /// <summary>The flag that is meant. It is never asked for: an unattended run would wait for ever.</summary>
    private protected string Flag()
    {
        if (GivenFlag is not null && !PlanFile.IsNamed(GivenFlag))
        {
            return ProviderPaths.Full(this, GivenFlag);
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
        var named = GivenPlan ?? (GivenFlag is not null && PlanFile.IsNamed(GivenFlag) ? GivenFlag : null);
        if (named is null)
        {
            return null;
        }

        var path = ProviderPaths.Full(this, named);
        return Require(path, _ => PlanFile.Load(path));
    }
}
