namespace MaintenanceOps.Engine.Health;

/// <summary>Finds checks that could never be asked.</summary>
internal static class CheckOrder
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static void Require(IReadOnlyList<HealthCheck> checks)
    {
        var byName = new Dictionary<string, HealthCheck>(StringComparer.Ordinal);
        foreach (var check in checks)
        {
            check.RequireSense();
            if (!byName.TryAdd(check.Name, check))
            {
                throw Wrong(check, $"Two checks are called '{check.Name}'. Give each a name of its own.");
            }
        }

        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (var check in checks)
        {
            if (check.After.FirstOrDefault(a => !byName.ContainsKey(a)) is { } missing)
            {
                throw Wrong(check, $"'{check.Name}' comes after '{missing}', and there is no such check in this run.");
            }
        }

        foreach (var check in checks)
        {
            Visit(check, [], byName, done);
        }
    }

    private static void Visit(HealthCheck check, List<string> path, Dictionary<string, HealthCheck> byName, HashSet<string> done)
    {
        if (done.Contains(check.Name))
        {
            return;
        }

        if (path.Contains(check.Name))
        {
            throw Wrong(check, $"These checks wait for each other: {string.Join(" after ", path.SkipWhile(p => p != check.Name).Append(check.Name))}.");
        }

        path.Add(check.Name);
        foreach (var before in check.After)
        {
            Visit(byName[before], path, byName, done);
        }

        path.RemoveAt(path.Count - 1);
        done.Add(check.Name);
    }

    private static MaintenanceException Wrong(HealthCheck check, string message) => new(ErrorCode.InvalidArgument, message, check.Name);
}
