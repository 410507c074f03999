namespace MaintenanceOps;

/// <summary>
/// Names a snapshot: by the object itself, by its id or the beginning of one, or as <c>latest</c>. A parameter of this
/// type takes all of these, also what came back from a job or a remote session.
/// </summary>
public sealed class SnapshotReference
{
    /// <summary>The word that names the newest snapshot of a source.</summary>
    public const string Latest = "latest";

    /// <summary>Names a snapshot by id, by the beginning of one, or as <c>latest</c>.</summary>
    public SnapshotReference(string id)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        Id = id;
    }

    /// <summary>Names the snapshot that the object describes.</summary>
    public SnapshotReference(Snapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        Id = snapshot.Id;
        Repository = snapshot.Repository;
    }

    /// <summary>The id, the beginning of one, or <c>latest</c>.</summary>
    public string Id { get; }

    /// <summary>The repository, where the reference was made from a snapshot.</summary>
    public string? Repository { get; }

    /// <summary>The id as it was given.</summary>
    public override string ToString() => Id;
}
