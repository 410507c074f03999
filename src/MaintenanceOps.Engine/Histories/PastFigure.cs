namespace MaintenanceOps.Engine.Histories;

/// <summary>The figure that an earlier look left for later ones.</summary>
/// <param name="At">When, in UTC.</param>
/// <param name="Value">What it was: bytes used, restarts, a moment; the probe knows.</param>
/// <param name="Other">A second one, where one does not say it: inodes used.</param>
public sealed record PastFigure(DateTimeOffset At, double Value, double? Other = null);
