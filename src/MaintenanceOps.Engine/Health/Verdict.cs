namespace MaintenanceOps.Engine.Health;

/// <summary>Gathers what a probe finds; the gravest decides, and all that is not well is told.</summary>
internal sealed class Verdict
{
    private readonly List<string> complaints = [];
    private readonly Dictionary<string, object> facts = [];

    public HealthStatus Status { get; private set; } = HealthStatus.Healthy;

    public void Fact(string name, object? value)
    {
        if (value is not null)
        {
            facts[name] = value;
        }
    }

    public void Degraded(string reason) => Add(HealthStatus.Degraded, reason);

    public void Unhealthy(string reason) => Add(HealthStatus.Unhealthy, reason);

    public void Unknown(string reason) => Add(HealthStatus.Unknown, reason);

    /// <param name="well">What to say where nothing was found.</param>
    /// <param name="figure">For later looks.</param>
    /// <param name="otherFigure">For later looks, besides.</param>
    public Observation End(string well, double? figure = null, double? otherFigure = null) => new()
    {
        Status = Status,
        Reason = complaints.Count > 0 ? string.Join("; ", complaints) : well,
        Figure = figure,
        OtherFigure = otherFigure,
        Facts = facts,
    };

    /// <summary>What is known to be bad outweighs what is not known, and that outweighs what is well.</summary>
    private static int Gravity(HealthStatus status) => status switch
    {
        HealthStatus.Unhealthy => 3,
        HealthStatus.Unknown => 2,
        HealthStatus.Degraded => 1,
        _ => 0,
    };

    private void Add(HealthStatus status, string reason)
    {
        complaints.Add(reason);
        Status = Gravity(status) > Gravity(Status) ? status : Status;
    }
}
