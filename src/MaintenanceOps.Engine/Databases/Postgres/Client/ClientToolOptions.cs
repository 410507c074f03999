namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>Where PostgreSQL's own programs are, and how they are started.</summary>
public sealed record ClientToolOptions
{
    /// <summary>The folder of the programs; null looks on the PATH and in the usual places.</summary>
    public string? Path { get; init; }

    /// <summary>Words in front of each program, such as <c>docker compose exec -T db</c>; they are then looked for there.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];
}
