namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>One thing that an inspection looks at.</summary>
/// <param name="Name">The stable word that its findings carry.</param>
/// <param name="Look">Finds; throws what the server refuses.</param>
internal sealed record Rule(string Name, Func<Inspection, IEnumerable<DatabaseFinding>> Look);
