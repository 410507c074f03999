using MaintenanceOps.Engine.Modes.Hooks;
using MaintenanceOps.Engine.Programs;

namespace MaintenanceOps.Engine.Plans;

/// <summary>What a plan says of maintenance mode.</summary>
public sealed record MaintenancePlan
{
    private static readonly string[] Keys = ["flag", "page", "maxDuration", "retryAfter", "exempt", "announce", "drain", "silence"];

    /// <summary>The flag file.</summary>
    public required string FlagPath { get; init; }

    /// <summary>How long a lease may be; null where the plan does not say.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>What happens around it.</summary>
    public required MaintenanceHooks Hooks { get; init; }

    /// <summary>Reads all that closing needs.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>.</exception>
    public static MaintenancePlan Of(PlanFile plan)
    {
        var read = ToExtend(plan);
        var section = SectionOf(plan);
        return read with
        {
            Hooks = read.Hooks with
            {
                Drain = section.Map("drain") is { } drain ? DrainOf(drain) : null,
                Alertmanager = section.Map("silence") is { } labels ? AlertmanagerOf(plan, section, labels) : null,
            },
        };
    }

    /// <summary>Reads what giving more time needs.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>.</exception>
    public static MaintenancePlan ToExtend(PlanFile plan) => ToOpen(plan) with { MaxDuration = SectionOf(plan).Time("maxDuration") };

    /// <summary>
    /// Reads what is needed to open and to look, and no more: an application is not kept closed because a variable is not set
    /// that only closing needs.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>.</exception>
    public static MaintenancePlan ToOpen(PlanFile plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var section = SectionOf(plan);
        section.Required("flag");
        return new MaintenancePlan
        {
            FlagPath = section.PathOf("flag")!,
            Hooks = new MaintenanceHooks { Announce = section.Line("announce") is { } line ? ProgramLine.Shell(line) : null },
        };
    }

    /// <summary>The section, for others that read more of it.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>.</exception>
    internal static PlanMap SectionOf(PlanFile plan)
    {
        var section = plan.Root.Map("maintenance") ?? throw plan.Root.Wrong("maintenance", "the plan has no section of this name, so it names no flag.");
        section.Allow(Keys);
        return section;
    }

    private static Drain DrainOf(PlanMap map)
    {
        map.Allow("http", "command", "pattern", "below", "timeout");
        var below = map.Fraction("below") ?? 1;
        var limit = map.Time("timeout") ?? TimeSpan.FromMinutes(1);
        return map.Line("command") is { } line
            ? Drain.ByProgram(ProgramLine.Shell(line), map.Text("pattern"), below, limit)
            : Drain.ByAddress(AddressOf(map, "http"), map.Text("pattern"), below, limit);
    }

    private static Alertmanager AlertmanagerOf(PlanFile plan, PlanMap section, PlanMap labels)
    {
        var alerts = plan.Root.Map("alerts") ?? throw section.Wrong("silence", "it needs 'alerts.alertmanager'.");
        alerts.Allow("webhook", "alertmanager", "mail", "heartbeat");
        return new(AddressOf(alerts, "alertmanager"), labels.Pairs());
    }

    private static Uri AddressOf(PlanMap map, string key) =>
        Uri.TryCreate(map.Required(key), UriKind.Absolute, out var uri) ? uri : throw map.Wrong(key, "it is no web address.");
}
