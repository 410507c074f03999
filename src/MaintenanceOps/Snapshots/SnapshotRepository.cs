namespace MaintenanceOps;

/// <summary>A repository: where it is, how it is protected, what it holds.</summary>
public sealed record SnapshotRepository
{
    /// <summary>An absolute path or <c>s3://bucket/prefix</c>.</summary>
    public required string Repository { get; init; }

    /// <summary>The repository's own id, made with it.</summary>
    public required string Id { get; init; }

    /// <summary>The version of the format on disk.</summary>
    public int Format { get; init; }

    /// <summary>Whether a passphrase protects the content.</summary>
    public bool Encrypted { get; init; }

    /// <summary>When it was made, in UTC.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>The passphrases that open it.</summary>
    public IReadOnlyList<RepositoryKey> Keys { get; init; } = [];

    /// <summary>The sources that it holds snapshots of.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>How many snapshots it holds.</summary>
    public int SnapshotCount { get; init; }

    /// <summary>The sum of the snapshots' content in bytes, as if nothing were shared.</summary>
    public long ContentSize { get; init; }

    /// <summary>What the repository takes, in bytes.</summary>
    public long StoredSize { get; init; }

    /// <summary>How many packs hold the blocks.</summary>
    public int PackCount { get; init; }

    /// <summary>The newest snapshot's moment, in UTC; null in an empty repository.</summary>
    public DateTimeOffset? Newest { get; init; }

    /// <summary>The location.</summary>
    public override string ToString() => Repository;
}

/// <summary>One passphrase of a repository; never the passphrase itself.</summary>
/// <param name="Id">The key's id: sixteen hexadecimal digits.</param>
/// <param name="Label">What its owner called it.</param>
/// <param name="Created">When it was added, in UTC.</param>
/// <param name="Derivation">How the passphrase becomes a key, such as <c>pbkdf2-sha512/600000</c>.</param>
public sealed record RepositoryKey(string Id, string Label, DateTimeOffset Created, string Derivation)
{
    /// <summary>The id and the label.</summary>
    public override string ToString() => Label.Length == 0 ? Id : $"{Id} ({Label})";
}
