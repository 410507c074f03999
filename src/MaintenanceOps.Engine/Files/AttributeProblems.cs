namespace MaintenanceOps.Engine.Files;

/// <summary>What could not be restored as it was: one sentence a kind, with a count and the first path.</summary>
internal sealed class AttributeProblems
{
    private readonly Dictionary<string, (int Count, string Path, string Why)> found = new(StringComparer.Ordinal);

    /// <summary>Notes one. Called from several threads.</summary>
    /// <param name="what">What is missing, as in <c>owner</c>: the subject of the sentence.</param>
    /// <param name="path">Of what.</param>
    /// <param name="why">The reason, as the system gives it.</param>
    public void Add(string what, string path, string why)
    {
        lock (found)
        {
            found[what] = found.TryGetValue(what, out var known) ? known with { Count = known.Count + 1 } : (1, path, why);
        }
    }

    public IReadOnlyList<string> Tell()
    {
        lock (found)
        {
            return [.. found.Select(f => f.Value.Count == 1
                ? $"The {f.Key} of {Name(f.Value.Path)} could not be restored: {f.Value.Why}."
                : $"The {f.Key} of {f.Value.Count} entries could not be restored, such as {Name(f.Value.Path)}: {f.Value.Why}.")];
        }
    }

    private static string Name(string path) => path.Length == 0 ? "the folder itself" : $"'{PathCodec.Display(path)}'";
}
