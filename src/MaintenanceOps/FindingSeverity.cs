namespace MaintenanceOps;

/// <summary>How much a finding matters.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing; nothing is at risk.</summary>
    Information,

    /// <summary>Something should be done soon.</summary>
    Warning,

    /// <summary>Something is lost or about to be.</summary>
    Error,
}
