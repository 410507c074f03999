using MaintenanceOps.Engine.Modes;

namespace MaintenanceOps.FaultHost;

/// <summary>What is interrupted at the flag of maintenance mode, <c>flag</c> in the folder.</summary>
internal static class ModeScenarios
{
    public static IReadOnlyList<string> Names { get; } = ["mode-enter", "mode-extend", "mode-leave"];

    public static void Run(string name, string folder)
    {
        var door = new MaintenanceSwitch(Path.Combine(folder, "flag"), SilentSink.Instance);
        _ = name switch
        {
            "mode-enter" => door.Enter(TimeSpan.FromMinutes(30), "second").Mode,
            "mode-extend" => door.Extend(TimeSpan.FromHours(2)),
            "mode-leave" => door.Leave(),
            _ => throw new ArgumentException(name),
        };
    }
}
