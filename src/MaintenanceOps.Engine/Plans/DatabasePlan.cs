using System.IO.Enumeration;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Plans;

/// <summary>The databases of a plan.</summary>
public static class DatabasePlan
{
    /// <summary>What a plan may say of a database.</summary>
    internal static readonly string[] Keys = ["engine", "path", "connection", "method", "clients"];

    /// <summary>Where they are.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="names">Which of them, with wildcards; all where there is none.</param>
    /// <param name="lockTimeout">How long a lock of somebody else is waited for; the plan's, or the engine's own choice, where it is null.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>; <see cref="ErrorCode.ItemNotFound"/>: a name fits none.</exception>
    public static IReadOnlyList<DatabaseTarget> Targets(PlanFile plan, IReadOnlyList<string> names, TimeSpan? lockTimeout)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(names);
        var section = plan.Root.Map("databases") ?? throw plan.Root.Wrong("databases", "the plan has no section of this name.");
        if (names.FirstOrDefault(n => !section.Keys.Any(k => FileSystemName.MatchesSimpleExpression(n, k))) is { } missing)
        {
            throw new MaintenanceException(ErrorCode.ItemNotFound, $"The plan has no database '{missing}'. There are: {string.Join(", ", section.Keys)}.", plan.Location);
        }

        return [.. section.Keys
            .Where(k => names.Count == 0 || names.Any(n => FileSystemName.MatchesSimpleExpression(n, k)))
            .Select(k => Target(section, k, lockTimeout ?? plan.Root.Map("optimize")?.Time("lockTimeout")))];
    }

    private static DatabaseTarget Target(PlanMap section, string name, TimeSpan? lockTimeout)
    {
        var map = section.Map(name) ?? throw section.Wrong(name, "it should have keys such as path or connection.");
        map.Allow(Keys);
        var (path, connection) = (map.PathOf("path"), map.Text("connection"));
        return path is null == connection is null
            ? throw section.Wrong(name, "a database needs either a path or a connection.")
            : new DatabaseTarget { Path = path, ConnectionString = connection, LockTimeout = lockTimeout };
    }
}
