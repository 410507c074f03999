namespace MaintenanceOps.Engine.Files;

/// <summary>
/// What the file system keeps of a file under a name of its own: what programs put there (<c>user.</c>), access control
/// lists, capabilities, security labels.
/// </summary>
/// <param name="Name">The whole name with its namespace, in <see cref="PathCodec"/>'s form.</param>
/// <param name="Value">Its bytes.</param>
internal readonly record struct ExtendedAttribute(string Name, byte[] Value)
{
    /// <summary>The longest name in bytes, which is Linux's limit.</summary>
    public const int MaxName = 255;

    /// <summary>The longest value in bytes, which is Linux's limit.</summary>
    public const int MaxValue = 64 * 1024;

    /// <summary>The most that the attributes of one entry may add up to, in bytes of names and values.</summary>
    public const int MaxTotal = 1024 * 1024;

    public bool Equals(ExtendedAttribute other) => Name == other.Name && Value.AsSpan().SequenceEqual(other.Value);

    public override int GetHashCode() => HashCode.Combine(Name, Value.Length);
}
