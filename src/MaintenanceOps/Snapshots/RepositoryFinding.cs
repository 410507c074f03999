namespace MaintenanceOps;

/// <summary>Something that a look at a repository or snapshot found.</summary>
public sealed record RepositoryFinding
{
    /// <summary>How much it matters.</summary>
    public required FindingSeverity Severity { get; init; }

    /// <summary>A stable word for the rule, such as <c>PackDamaged</c>.</summary>
    public required string Rule { get; init; }

    /// <summary>What was found, in a sentence.</summary>
    public required string Message { get; init; }

    /// <summary>The object's name in the repository, such as <c>packs/3f/3f…</c>.</summary>
    public string ObjectName { get; init; } = "";

    /// <summary>The ids of the snapshots that it hurts.</summary>
    public IReadOnlyList<string> Snapshots { get; init; } = [];

    /// <summary>What to do.</summary>
    public string Action { get; init; } = "";

    /// <summary>The repository.</summary>
    public string Repository { get; init; } = "";

    /// <summary>Severity and message.</summary>
    public override string ToString() => $"{Severity}: {Message}";
}
