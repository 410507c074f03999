using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// A second attempt at what failed because a function names things without their schema, which <c>pg_restore</c> lets nobody
/// do. It runs as the owner and with the search path that the database has for the owner: PostgreSQL builds an index and fills
/// a materialized view with the owner's rights alone. For a superuser's objects, whose code runs with all rights, the path keeps
/// only schemas in which nobody else may create anything; where none is left, there is no second attempt.
/// </summary>
internal sealed partial class OwnersRetry(PostgresServer database, PostgresDatabase facts)
{
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
    public string? Try(string relation, string statement) => Try(relation, () => database.Execute(statement));

    /// <summary>Does something as the owner of a relation, all of it or nothing.</summary>
    /// <returns>What the server said; null where it worked; empty where it was not tried.</returns>
    public string? Try(string relation, Action act)
    {
        var owners = database.Rows(
            "SELECT r.rolname, r.rolsuper, pg_catalog.pg_has_role(r.oid, 'MEMBER') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner WHERE c.oid = pg_catalog.to_regclass($1)",
            r => (Name: r.GetString(0), IsSuper: r.GetBoolean(1), IsOurs: r.GetBoolean(2)),
            relation);
        if (owners is not [{ IsOurs: true } owner])
        {
            return "";
        }

        var path = PathOf(owner.Name);
        database.Execute("BEGIN");
        try
        {
            database.Execute($"SET LOCAL ROLE {PostgresServer.Quote(owner.Name)}");
            database.Execute("SELECT pg_catalog.set_config('search_path', $1, true)", path);
            if (owner.IsSuper && !KeepTrustedPath())
            {
                database.Execute("ROLLBACK");
                return "";
            }

            database.Execute("SET LOCAL row_security = on");
            act();
            database.Execute("COMMIT");
            return null;
        }
        catch (PostgresException e)
        {
            database.Execute("ROLLBACK");
            return e.MessageText;
        }
    }

    /// <summary>Leaves those schemas of the path in which nobody but superusers may create anything.</summary>
    /// <returns>Whether any are left.</returns>
    private bool KeepTrustedPath()
    {
        const string Trusted = """
            SELECT pg_catalog.quote_ident(n.nspname)
            FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS path(name, place)
            JOIN pg_catalog.pg_namespace n ON n.nspname = path.name
            JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
            WHERE NOT EXISTS (
                SELECT FROM (SELECT n.nspowner AS role UNION SELECT a.grantee FROM pg_catalog.aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE') may
                LEFT JOIN pg_catalog.pg_roles named ON named.oid = may.role
                LEFT JOIN pg_catalog.pg_roles r ON r.oid = CASE named.rolname WHEN 'pg_database_owner' THEN d.datdba ELSE may.role END
                WHERE r.rolsuper IS NOT TRUE)
            ORDER BY path.place
            """;
        var schemas = database.Rows(Trusted, r => r.GetString(0));
        database.Execute("SELECT pg_catalog.set_config('search_path', $1, true)", string.Join(", ", schemas));
        return schemas.Count > 0;
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
