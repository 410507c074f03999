namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>The parameters that PostgreSQL's client library knows, each with the variable of the environment that sets it.</summary>
internal static class ConnectionKeywords
{
    /// <summary>From "Parameter Key Words" and "Environment Variables" of the manual of libpq. Null: no variable sets it.</summary>
    private static readonly Dictionary<string, string?> Known = new(StringComparer.Ordinal)
    {
        ["host"] = "PGHOST",
        ["hostaddr"] = "PGHOSTADDR",
        ["port"] = "PGPORT",
        ["dbname"] = "PGDATABASE",
        ["user"] = "PGUSER",
        ["password"] = "PGPASSWORD",
        ["passfile"] = "PGPASSFILE",
        ["require_auth"] = "PGREQUIREAUTH",
        ["channel_binding"] = "PGCHANNELBINDING",
        ["connect_timeout"] = "PGCONNECT_TIMEOUT",
        ["client_encoding"] = "PGCLIENTENCODING",
        ["options"] = "PGOPTIONS",
        ["application_name"] = "PGAPPNAME",
        ["fallback_application_name"] = null,
        ["keepalives"] = null,
        ["keepalives_idle"] = null,
        ["keepalives_interval"] = null,
        ["keepalives_count"] = null,
        ["tcp_user_timeout"] = null,
        ["replication"] = null,
        ["gssencmode"] = "PGGSSENCMODE",
        ["gssdelegation"] = "PGGSSDELEGATION",
        ["gsslib"] = "PGGSSLIB",
        ["krbsrvname"] = "PGKRBSRVNAME",
        ["sslmode"] = "PGSSLMODE",
        ["requiressl"] = null,
        ["sslnegotiation"] = "PGSSLNEGOTIATION",
        ["sslcompression"] = "PGSSLCOMPRESSION",
        ["sslcert"] = "PGSSLCERT",
        ["sslkey"] = "PGSSLKEY",
        ["sslkeylogfile"] = null,
        ["sslpassword"] = null,
        ["sslcertmode"] = "PGSSLCERTMODE",
        ["sslrootcert"] = "PGSSLROOTCERT",
        ["sslcrl"] = "PGSSLCRL",
        ["sslcrldir"] = "PGSSLCRLDIR",
        ["sslsni"] = "PGSSLSNI",
        ["requirepeer"] = "PGREQUIREPEER",
        ["ssl_min_protocol_version"] = "PGSSLMINPROTOCOLVERSION",
        ["ssl_max_protocol_version"] = "PGSSLMAXPROTOCOLVERSION",
        ["min_protocol_version"] = "PGMINPROTOCOLVERSION",
        ["max_protocol_version"] = "PGMAXPROTOCOLVERSION",
        ["service"] = "PGSERVICE",
        ["servicefile"] = "PGSERVICEFILE",
        ["target_session_attrs"] = "PGTARGETSESSIONATTRS",
        ["load_balance_hosts"] = "PGLOADBALANCEHOSTS",
    };

    /// <summary>Every keyword that a variable sets, with that variable.</summary>
    public static IEnumerable<(string Keyword, string Variable)> Variables =>
        Known.Where(k => k.Value is not null).Select(k => (k.Key, k.Value!));

    public static bool IsKnown(string keyword) => Known.ContainsKey(keyword);

    /// <summary>The variable that gives a program the parameter; null where there is none.</summary>
    public static string? VariableOf(string keyword) => Known[keyword];
}
