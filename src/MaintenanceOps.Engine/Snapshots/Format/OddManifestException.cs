namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>A manifest that opens but holds values that no backup writes.</summary>
/// <param name="message">Which values.</param>
/// <param name="source">The source that it names.</param>
internal sealed class OddManifestException(string message, string source) : FormatException(message)
{
    /// <summary>The source that the manifest names: another one's latest snapshot is not in doubt.</summary>
    public string NamedSource { get; } = source;
}
