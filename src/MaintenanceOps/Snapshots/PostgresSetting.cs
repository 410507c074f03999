namespace MaintenanceOps;

/// <summary>One setting of a server that has to change.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Current">What it is.</param>
/// <param name="Wanted">What it has to be.</param>
/// <param name="NeedsRestart">Whether it takes effect only when the server starts again.</param>
public sealed record PostgresSetting(string Name, string Current, string Wanted, bool NeedsRestart);
