namespace MaintenanceOps;

/// <summary>An object that a restore could not bring back.</summary>
/// <param name="Name">What it is, such as <c>MATERIALIZED VIEW public.totals</c>.</param>
/// <param name="Error">What the server said.</param>
/// <param name="Statement">The statement to run once the cause is mended; empty where there is none.</param>
public sealed record UnrestoredObject(string Name, string Error, string Statement)
{
    /// <summary>The name and the error.</summary>
    public override string ToString() => $"{Name}: {Error}";
}
