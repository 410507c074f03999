using System.Globalization;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// A database on a live server that a restore fills before anybody sees it. Its name tells which session made it, so that
/// what a killed restore left behind is found, and removed, by the next one.
/// </summary>
internal sealed class StagedDatabase : IDisposable
{
    private const string Prefix = "mops_stage_";
    private readonly PostgresServer server;
    private bool installed;

    private StagedDatabase(PostgresServer server, string name)
    {
        this.server = server;
        Name = name;
    }

    public string Name { get; }

    /// <summary>Makes an empty database with the encoding, the collation and the owner of the one that was backed up.</summary>
    public static StagedDatabase Create(PostgresServer server, PostgresDatabase facts)
    {
        RemoveOrphans(server);
        var name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{server.Scalar<string>(SessionSql + " WHERE pid = pg_backend_pid()")}_{Guid.NewGuid().ToString("N")[..8]}");
        server.Execute($"CREATE DATABASE {PostgresServer.Quote(name)} TEMPLATE template0 ENCODING {PostgresServer.Literal(facts.Encoding)} LC_COLLATE {PostgresServer.Literal(facts.Collate)} LC_CTYPE {PostgresServer.Literal(facts.Ctype)}{Provider(server, facts)}");
        var staged = new StagedDatabase(server, name);
        try
        {
            if (server.Scalar<long>("SELECT count(*) FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER')", facts.Owner) > 0)
            {
                server.Execute($"ALTER DATABASE {PostgresServer.Quote(name)} OWNER TO {PostgresServer.Quote(facts.Owner)}");
            }

            return staged;
        }
        catch
        {
            staged.Dispose();
            throw;
        }
    }

    /// <summary>Who sorts its texts. It is said where the server knows the word (from version 15), for a new cluster may have another default.</summary>
    private static string Provider(PostgresServer server, PostgresDatabase facts) => facts.LocaleProvider switch
    {
        "i" => $" LOCALE_PROVIDER icu ICU_LOCALE {PostgresServer.Literal(facts.Locale ?? "und")}{(facts.IcuRules is { } rules ? $" ICU_RULES {PostgresServer.Literal(rules)}" : "")}",
        "b" => $" LOCALE_PROVIDER builtin BUILTIN_LOCALE {PostgresServer.Literal(facts.Locale ?? "C")}",
        _ when server.Version >= 150000 => " LOCALE_PROVIDER libc",
        _ => "",
    };

    public PostgresServer Connect() => server.ConnectTo(Name);

    /// <summary>It has got a name of its own and stays.</summary>
    public void Keep() => installed = true;

    public void Dispose()
    {
        if (!installed)
        {
            server.Execute($"DROP DATABASE IF EXISTS {PostgresServer.Quote(Name)} WITH (FORCE)");
        }
    }

    /// <summary>A session as the beginning of a name: its process and the moment at which it began, which no other one shares.</summary>
    private const string SessionSql = "SELECT pid || '_' || (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity";

    private static void RemoveOrphans(PostgresServer server)
    {
        var sessions = server.Rows(SessionSql + " WHERE backend_start IS NOT NULL", r => r.IsDBNull(0) ? "" : r.GetString(0)).ToHashSet(StringComparer.Ordinal);
        foreach (var name in server.Rows("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", r => r.GetString(0), Prefix))
        {
            var session = name[Prefix.Length..];
            if (!sessions.Contains(session[..Math.Max(0, session.LastIndexOf('_'))]))
            {
                server.Execute($"DROP DATABASE IF EXISTS {PostgresServer.Quote(name)} WITH (FORCE)");
            }
        }
    }
}
