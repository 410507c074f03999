namespace MaintenanceOps.Engine.Health;

/// <summary>A probe with a name, and how it is asked.</summary>
public sealed record HealthCheck
{
    private const int MostRetries = 100;

    /// <summary>The name, one of its kind in a run.</summary>
    public required string Name { get; init; }

    /// <summary>The application that it belongs to; keeps the histories of two applications apart.</summary>
    public string Application { get; init; } = "";

    /// <summary>What looks.</summary>
    public required IProbe Probe { get; init; }

    /// <summary>How long one attempt may take, all of it; the probe's usual time where it is null.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How often a look that is not well is repeated before it is believed.</summary>
    public int Retries { get; init; } = 1;

    /// <summary>A look that is well but takes longer is degraded; null where time does not count.</summary>
    public TimeSpan? DegradedAfter { get; init; }

    /// <summary>So many bad looks in a row make the confirmed state bad.</summary>
    public int FailAfter { get; init; } = 1;

    /// <summary>So many good looks in a row make it good again.</summary>
    public int RecoverAfter { get; init; } = 1;

    /// <summary>Checks without which this one makes no sense: where one of them is down, this one is unknown and not asked.</summary>
    public IReadOnlyList<string> After { get; init; } = [];

    /// <summary>What a check is called where nobody names it; its history is kept under this, so it says of what kind it is.</summary>
    public static string UsualName(IProbe probe)
    {
        ArgumentNullException.ThrowIfNull(probe);
        return probe.Kind == "http" ? probe.Target : $"{probe.Kind} {probe.Target}";
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: it could not be asked like this.</exception>
    internal void RequireSense()
    {
        var problem = Retries is < 0 or > MostRetries ? $"it cannot be repeated {Retries} times; {MostRetries} are the most"
            : FailAfter < 1 ? "so many bad looks in a row make it bad: one at least"
            : RecoverAfter < 1 ? "so many good looks in a row make it good: one at least"
            : Timeout <= TimeSpan.Zero ? "a look needs a time that is longer than none"
            : null;
        if (problem is not null)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{Name}': {problem}.", Name);
        }
    }

    internal TimeSpan Limit => LongTime.ForTimer(Timeout ?? Probe.UsualTimeout);

    /// <summary>What its history is kept under.</summary>
    internal string Key => Application.Length > 0 ? $"{Application}/{Name}" : Name;
}
