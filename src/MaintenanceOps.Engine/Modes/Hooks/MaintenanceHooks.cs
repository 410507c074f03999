using MaintenanceOps.Engine.Programs;

namespace MaintenanceOps.Engine.Modes.Hooks;

/// <summary>What happens around maintenance mode, besides the flag.</summary>
public sealed record MaintenanceHooks
{
    /// <summary>None.</summary>
    public static readonly MaintenanceHooks None = new();

    /// <summary>Tells people: run before the application is closed and after it is open again.</summary>
    public ProgramLine? Announce { get; init; }

    /// <summary>What has to fall quiet once the application is closed.</summary>
    public Drain? Drain { get; init; }

    /// <summary>Whom to keep from sending alarms meanwhile.</summary>
    public Alertmanager? Alertmanager { get; init; }
}
