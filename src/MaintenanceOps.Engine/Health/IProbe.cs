using MaintenanceOps.Engine.Histories;

namespace MaintenanceOps.Engine.Health;

/// <summary>One way to look at something. It answers for what it sees; how often and how long it is asked is not its concern.</summary>
public interface IProbe
{
    /// <summary>The word for this kind of probe, as plans write it.</summary>
    string Kind { get; }

    /// <summary>What it looks at, without anything secret.</summary>
    string Target { get; }

    /// <summary>How long one look may take where nobody says otherwise.</summary>
    TimeSpan UsualTimeout => TimeSpan.FromSeconds(5);

    /// <summary>Looks once.</summary>
    /// <exception cref="MaintenanceException">It cannot be found out, and why.</exception>
    /// <exception cref="OperationCanceledException">The time is over.</exception>
    Task<Observation> Observe(ProbeContext context);
}

/// <summary>What a probe is given for one look.</summary>
/// <param name="Last">The figure that the last look left; read when it is asked for.</param>
/// <param name="Past">The figures of all earlier looks, the oldest first; a long read.</param>
/// <param name="Limit">How long the look may take.</param>
/// <param name="Cancellation">Ends the look when that is over, or nobody waits for it any more.</param>
public sealed record ProbeContext(Func<PastFigure?> Last, Func<IReadOnlyList<PastFigure>> Past, TimeSpan Limit, CancellationToken Cancellation);

/// <summary>What a probe saw.</summary>
public sealed record Observation
{
    /// <summary>How it stands.</summary>
    public required HealthStatus Status { get; init; }

    /// <summary>Why, in a sentence.</summary>
    public string Reason { get; init; } = "";

    /// <summary>A figure for later looks to compare with.</summary>
    public double? Figure { get; init; }

    /// <summary>A second one, where one does not say it.</summary>
    public double? OtherFigure { get; init; }

    /// <summary>What was measured.</summary>
    public IReadOnlyDictionary<string, object> Facts { get; init; } = new Dictionary<string, object>();
}
