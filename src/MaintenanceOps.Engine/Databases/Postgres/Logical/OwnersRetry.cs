using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// A second attempt at what failed because a function names things without their schema, which <c>pg_restore</c> lets nobody
/// do. It runs as the owner and with the search path that the database has for the owner: PostgreSQL builds an index and fills
/// a materialized view with the owner's rights alone. For a superuser's objects, whose code runs with all rights, and for rows that
/// go into a live database, where code can come back to our rights, the path keeps only schemas in which nobody but superusers and the
/// owner may create anything; where none is left, there is no second attempt.
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
    public string? Try(string relation, string statement) => Try(relation, isGuarded: false, () => database.Execute(statement));

    /// <summary>Does something as the owner of a relation, all of it or nothing.</summary>
    /// <param name="relation">Its name as SQL writes it.</param>
    /// <param name="isGuarded">Whether others than those who wrote what is restored may have put code on the path.</param>
    /// <param name="act">What is done.</param>
    /// <returns>What the server said; null where it worked; empty where it was not tried.</returns>
    public string? Try(string relation, bool isGuarded, Action act)
    {
        const string Owner = """
            SELECT r.rolname, r.rolsuper, pg_catalog.pg_has_role(r.oid, 'MEMBER'), pg_catalog.quote_ident(n.nspname),
                pg_catalog.concat_ws(', ', CASE WHEN NOT pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') THEN 'USAGE' END, CASE WHEN NOT pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE') THEN 'CREATE' END)
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = pg_catalog.to_regclass($1)
            """;
        var owners = database.Rows(Owner, r => (Name: r.GetString(0), IsSuper: r.GetBoolean(1), IsOurs: r.GetBoolean(2), Schema: r.GetString(3), Lacks: r.GetString(4)), relation);
        return owners is [{ IsOurs: true } owner] ? TryAs(owner.Name, owner.IsSuper, isGuarded, owner.Schema, owner.Lacks, act) : "";
    }

    /// <summary>Makes what could not be made because of the search path.</summary>
    /// <returns>Whether it is there now.</returns>
    public bool TryDefinition(RestoreError error, bool isGuarded)
    {
        if (error.Statement.Length == 0 || !SearchPath.IsToBlame(error.Error))
        {
            return false;
        }

        var owners = facts.Roles.Append(facts.Owner).Where(r => r.Length > 0 && error.Entry.EndsWith(" " + r, StringComparison.Ordinal)).OrderByDescending(r => r.Length).ToList();
        var known = database.Rows("SELECT rolname, rolsuper FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(oid, 'MEMBER')", r => (Name: r.GetString(0), IsSuper: r.GetBoolean(1)));
        return owners.Count > 0 && known.Find(r => r.Name == owners[0]) is { Name.Length: > 0 } owner
            && TryAs(owner.Name, owner.IsSuper, isGuarded, "", "", () => database.Execute(error.Statement)) is null;
    }

    /// <summary>With the rights on the schema that an owner need not have to own something in it, for as long as it takes.</summary>
    private string? TryAs(string owner, bool isSuper, bool isGuarded, string schema, string lacks, Action act)
    {
        var path = PathOf(owner);
        var role = PostgresServer.Quote(owner);
        database.Execute("BEGIN");
        try
        {
            ExecuteIf(lacks.Length > 0, $"GRANT {lacks} ON SCHEMA {schema} TO {role}");
            Rooms.ToList().ForEach(r => database.Execute($"GRANT USAGE, CREATE ON SCHEMA {PostgresServer.Quote(r)} TO {role}"));
            database.Execute($"SET LOCAL ROLE {role}");
            database.Execute("SELECT pg_catalog.set_config('search_path', $1, true)", path);
            if ((isSuper || isGuarded) && !KeepTrustedPath(owner))
            {
                database.Execute("ROLLBACK");
                return "";
            }

            database.Execute("SET LOCAL row_security = on");
            act();
            database.Execute("RESET ROLE");
            ExecuteIf(lacks.Length > 0, $"REVOKE {lacks} ON SCHEMA {schema} FROM {role}");
            database.Execute("COMMIT");
            return null;
        }
        catch (PostgresException e)
        {
            database.Execute("ROLLBACK");
            return e.MessageText;
        }
    }

    private void ExecuteIf(bool isWanted, string statement)
    {
        if (isWanted)
        {
            database.Execute(statement);
        }
    }

    /// <summary>Leaves those schemas of the path in which nobody but superusers and the owner may create anything.</summary>
    /// <returns>Whether any are left.</returns>
    private bool KeepTrustedPath(string owner)
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
                WHERE r.rolsuper IS NOT TRUE AND r.rolname IS DISTINCT FROM $1)
            ORDER BY path.place
            """;
        var schemas = database.Rows(Trusted, r => r.GetString(0), owner);
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
