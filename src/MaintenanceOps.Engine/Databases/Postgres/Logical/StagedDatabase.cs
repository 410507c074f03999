using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// A database on a live server that a restore fills before anybody sees it. What a killed restore left behind is removed
/// by the next one; what cannot be removed is named, and stops nothing.
/// </summary>
internal sealed class StagedDatabase : IDisposable
{
    private readonly PostgresServer server;
    private readonly IOperationSink sink;
    private bool installed;

    private StagedDatabase(PostgresServer server, IOperationSink sink, string name)
    {
        this.server = server;
        this.sink = sink;
        Name = name;
    }

    public string Name { get; }

    /// <summary>Makes an empty database with the encoding, the collation and the owner of the one that was backed up.</summary>
    public static StagedDatabase Create(PostgresServer server, IOperationSink sink, PostgresDatabase facts)
    {
        RemoveOrphans(server, sink);
        var name = SessionName.New(server);
        server.Execute($"{Statement(server, name, facts)}{Tablespace(server, facts)}");
        var staged = new StagedDatabase(server, sink, name);
        try
        {
            if (server.Scalar<long>("SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = $1 AND pg_catalog.pg_has_role(oid, 'MEMBER')", facts.Owner) > 0)
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

    /// <summary>The statement that makes an empty database which reads, sorts and compares texts as the one that was backed up.</summary>
    public static string Statement(PostgresServer server, string name, PostgresDatabase facts) =>
        $"CREATE DATABASE {PostgresServer.Quote(name)} TEMPLATE template0 ENCODING {PostgresServer.Literal(facts.Encoding)} LC_COLLATE {PostgresServer.Literal(facts.Collate)} LC_CTYPE {PostgresServer.Literal(facts.Ctype)}{Provider(server, facts)}";

    /// <summary>Who sorts its texts. It is said where the server knows the word (from version 15), for a new cluster may have another default.</summary>
    private static string Provider(PostgresServer server, PostgresDatabase facts) => facts.LocaleProvider switch
    {
        "i" => $" LOCALE_PROVIDER icu ICU_LOCALE {PostgresServer.Literal(facts.Locale ?? "und")}{(facts.IcuRules is { } rules ? $" ICU_RULES {PostgresServer.Literal(rules)}" : "")}",
        "b" => $" LOCALE_PROVIDER builtin BUILTIN_LOCALE {PostgresServer.Literal(facts.Locale ?? "C")}",
        _ when server.Version >= 150000 => " LOCALE_PROVIDER libc",
        _ => "",
    };

    /// <summary>Where its files go, if the server has the tablespace that it was in.</summary>
    private static string Tablespace(PostgresServer server, PostgresDatabase facts) =>
        facts.Tablespace is { } name && server.Scalar<long>("SELECT count(*) FROM pg_catalog.pg_tablespace WHERE spcname = $1", name) > 0 ? $" TABLESPACE {PostgresServer.Quote(name)}" : "";

    public PostgresServer Connect() => server.ConnectTo(Name);

    /// <summary>It has got a name of its own and stays.</summary>
    public void Keep() => installed = true;

    public void Dispose()
    {
        if (!installed)
        {
            Remove(server, sink, Name);
        }
    }

    private static void RemoveOrphans(PostgresServer server, IOperationSink sink)
    {
        var names = server.Rows("SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, $1)", r => r.GetString(0), SessionName.Prefix);
        foreach (var name in SessionName.Orphans(server, names))
        {
            Remove(server, sink, name);
        }
    }

    private static void Remove(PostgresServer server, IOperationSink sink, string name)
    {
        if (DatabaseRemoval.TryDrop(server, name) is { } words)
        {
            sink.Warn($"The database '{name}' on {server.Place} was made by a restore and is not needed any more, but could not be dropped: {words}. Drop it by hand.");
        }
    }
}
