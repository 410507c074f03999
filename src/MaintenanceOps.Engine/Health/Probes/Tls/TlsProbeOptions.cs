namespace MaintenanceOps.Engine.Health.Probes.Tls;

/// <summary>What is wanted of a server's certificates.</summary>
public sealed record TlsProbeOptions
{
    /// <summary>How they are judged.</summary>
    public TlsTrust Trust { get; init; } = new();

    /// <summary>A PEM file whose first certificate should be the one that is served.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>Degraded where less than this share of its lifetime is left, from 0 to 1.</summary>
    public double DegradedBelow { get; init; } = 0.25;

    /// <summary>Unhealthy where less than this share is left.</summary>
    public double UnhealthyBelow { get; init; } = 0.10;
}
