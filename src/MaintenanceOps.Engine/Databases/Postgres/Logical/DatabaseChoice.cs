using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Which databases of a server a dump takes.</summary>
internal static class DatabaseChoice
{
    /// <param name="server">The server.</param>
    /// <param name="what">What was asked for.</param>
    /// <param name="isNamed">Whether the connection string names a database, so that nothing is left out by accident.</param>
    /// <param name="warnings">Gets a sentence with the databases that are left out.</param>
    /// <param name="missing">Gets those that were asked for and let nobody in.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ItemNotFound"/>.</exception>
    public static List<string> Of(PostgresServer server, PostgresDumpOptions what, bool isNamed, List<string> warnings, List<string> missing)
    {
        const string Closed = "SELECT datname, datconnlimit = -2 FROM pg_catalog.pg_database WHERE (NOT datallowconn OR datconnlimit = -2) AND datname <> 'template0' ORDER BY datname";
        var closed = server.Rows(Closed, r => (Name: r.GetString(0), IsInvalid: r.GetBoolean(1))).FindAll(d => !d.Name.StartsWith(SessionName.Prefix, StringComparison.Ordinal) && IsAskedFor(d.Name, what));
        var chosen = Open(server, what, isNamed, warnings, closed.Count == 0);
        foreach (var (name, isInvalid) in closed)
        {
            missing.Add(name);
            warnings.Add(isInvalid
                ? $"'{name}' is missing in the snapshot: a DROP DATABASE of it was interrupted, and PostgreSQL lets nobody in any more. Finish it: DROP DATABASE {PostgresServer.Quote(name)};"
                : $"'{name}' is missing in the snapshot: it lets nobody in. To have it, run: ALTER DATABASE {PostgresServer.Quote(name)} ALLOW_CONNECTIONS true;");
        }

        return chosen.Count > 0 || closed.Count == 0
            ? chosen
            : throw new MaintenanceException(ErrorCode.ItemNotFound, $"No database of {server.Describe()} that was asked for can be dumped. {string.Join(" ", warnings)}", missing[0]);
    }

    private static bool IsAskedFor(string name, PostgresDumpOptions what) => what.AllDatabases || what.Databases.Any(p => Wildcard.Matches(name, p));

    /// <summary>Those that can be dumped.</summary>
    private static List<string> Open(PostgresServer server, PostgresDumpOptions what, bool isNamed, List<string> warnings, bool mustFit)
    {
        var all = server.Rows("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 AND NOT datistemplate ORDER BY datname", r => r.GetString(0))
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
        return chosen.Count > 0 || !mustFit
            ? chosen
            : throw new MaintenanceException(ErrorCode.ItemNotFound, $"No database of {server.Describe()} fits {string.Join(", ", what.Databases)}. It has {string.Join(", ", all)}.", what.Databases[0]);
    }
}
