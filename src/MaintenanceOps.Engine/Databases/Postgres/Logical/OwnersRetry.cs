using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// A second attempt at what failed because a function names things without their schema, which <c>pg_restore</c> lets nobody
/// do. It runs as the owner and with the search path that the database has for the owner: PostgreSQL builds an index and fills
/// a materialized view with the owner's rights alone. For a superuser's objects there is none, as such code would run
/// with all rights.
/// </summary>
internal sealed partial class OwnersRetry(PostgresServer database, PostgresDatabase facts)
{
    /// <summary>Schemas that the restore has made for itself: the owner gets the right to build in them.</summary>
    public IReadOnlyCollection<string> Rooms { get; init; } = [];

    private const string DefaultPath = "\"$user\", public";

    /// <summary>Builds an index that could not be built.</summary>
    /// <returns>Whether it is there now.</returns>
    public bool TryIndex(RestoreError error) =>
        error.Entry.StartsWith("INDEX ", StringComparison.Ordinal)
        && IndexTable().Match(error.Statement) is { Success: true } words
        && Try(words.Groups["table"].Value, error.Statement) is null;

    /// <summary>Runs a statement as the owner of a relation.</summary>
    /// <param name="relation">Its name as SQL writes it.</param>
    /// <param name="statement">The statement.</param>
    /// <returns>What the server said; null where it worked; empty where it was not tried.</returns>
    public string? Try(string relation, string statement)
    {
        var owners = database.Rows(
            "SELECT r.rolname, r.rolsuper OR NOT pg_catalog.pg_has_role(r.oid, 'MEMBER') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner WHERE c.oid = pg_catalog.to_regclass($1)",
            r => (Name: r.GetString(0), IsRefused: r.GetBoolean(1)),
            relation);
        if (owners is not [{ IsRefused: false } owner])
        {
            return "";
        }

        var path = PathOf(owner.Name);
        try
        {
            database.Execute("BEGIN");
            Rooms.ToList().ForEach(r => database.Execute($"GRANT USAGE, CREATE ON SCHEMA {PostgresServer.Quote(r)} TO {PostgresServer.Quote(owner.Name)}"));
            database.Execute($"SET LOCAL ROLE {PostgresServer.Quote(owner.Name)}");
            database.Execute("SELECT pg_catalog.set_config('search_path', $1, true)", path);
            database.Execute("SET LOCAL row_security = on");
            database.Execute(statement);
            database.Execute("COMMIT");
            return null;
        }
        catch (PostgresException e)
        {
            database.Execute("ROLLBACK");
            return e.MessageText;
        }
    }

    /// <summary>The owner's own path in the database, else on this server, else the database's.</summary>
    private string PathOf(string owner) =>
        Recorded($"ALTER ROLE {PostgresServer.Quote(owner)} IN DATABASE {PostgresDatabase.NameMark} SET search_path TO ")
        ?? Recorded($"ALTER ROLE {owner} IN DATABASE {PostgresDatabase.NameMark} SET search_path TO ")
        ?? database.Rows(
            "SELECT pg_catalog.substr(s, 13) FROM pg_catalog.pg_roles r, pg_catalog.unnest(r.rolconfig) s WHERE r.rolname = $1 AND pg_catalog.starts_with(s, 'search_path=')",
            r => r.GetString(0),
            owner).Find(path => path.Length > 0)
        ?? Recorded($"ALTER DATABASE {PostgresDatabase.NameMark} SET search_path TO ")
        ?? DefaultPath;

    private string? Recorded(string start) => facts.Settings.FirstOrDefault(s => s.StartsWith(start, StringComparison.Ordinal) && s.Length > start.Length)?[start.Length..];

    [GeneratedRegex("^CREATE (UNIQUE )?INDEX (\"(?:[^\"]|\"\")+\"|[^ \"]+) ON (ONLY )?(?<table>(\"(?:[^\"]|\"\")+\"|[^ \".]+)\\.(\"(?:[^\"]|\"\")+\"|[^ \".]+)) ", RegexOptions.CultureInvariant)]
    private static partial Regex IndexTable();
}
