using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Which databases of a server a dump takes.</summary>
internal static class DatabaseChoice
{
    /// <param name="server">The server.</param>
    /// <param name="what">What was asked for.</param>
    /// <param name="isNamed">Whether the connection string names a database, so that nothing is left out by accident.</param>
    /// <param name="warnings">Gets a sentence with the databases that are left out.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ItemNotFound"/>.</exception>
    public static List<string> Of(PostgresServer server, PostgresDumpOptions what, bool isNamed, List<string> warnings)
    {
        var all = server.Rows("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname", r => r.GetString(0))
            .FindAll(d => !d.StartsWith(SessionName.Prefix, StringComparison.Ordinal));
        if (what.AllDatabases)
        {
            return all;
        }

        if (what.Databases.Count == 0)
        {
            var others = all.FindAll(d => d != server.Database && d != "postgres");
            if (!isNamed && others.Count > 0)
            {
                warnings.Add($"The connection string names no database, so '{server.Database}' was taken alone. Not taken: {string.Join(", ", others.Take(20))}{(others.Count > 20 ? $" and {others.Count - 20} more" : "")}. Use -AllDatabases, or -Database with their names.");
            }

            return [server.Database];
        }

        var chosen = all.Where(d => what.Databases.Any(p => Wildcard.Matches(d, p))).ToList();
        return chosen.Count > 0
            ? chosen
            : throw new MaintenanceException(ErrorCode.ItemNotFound, $"No database of {server.Describe()} fits {string.Join(", ", what.Databases)}. It has {string.Join(", ", all)}.", what.Databases[0]);
    }
}
