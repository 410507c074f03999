namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>
/// What every session of ours runs with, whatever the server, the database or the role has set: as pg_dump has it for itself.
/// Nothing that somebody planted in a schema is called, no time-out of the application's ends a long read, rows that a policy
/// would hide are an error, and values come in one form.
/// </summary>
internal static class SessionSettings
{
    /// <summary>The server's own schema, and temporary objects behind it: unless they are named there, they would come first.</summary>
    private const string SafePath = "pg_catalog, pg_temp";

    /// <summary>Settings of all versions that every role may change.</summary>
    private static readonly (string Name, string Value)[] Always =
    [
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("row_security", "off"),
        ("default_transaction_read_only", "off"),
        ("default_transaction_isolation", "read committed"),
        ("default_transaction_deferrable", "off"),
        ("datestyle", "ISO"),
        ("intervalstyle", "postgres"),
        ("extra_float_digits", "3"),
        ("bytea_output", "hex"),
        ("array_nulls", "on"),
        ("xmloption", "content"),
        ("standard_conforming_strings", "on"),
        ("quote_all_identifiers", "off"),
        ("synchronize_seqscans", "off"),
        ("client_min_messages", "warning"),
    ];

    /// <summary>Only a superuser may change them. With them on, the server passes over damage that it knows of.</summary>
    private static readonly (string Name, string Value)[] Strict = [("zero_damaged_pages", "off"), ("ignore_checksum_failure", "off")];

    /// <summary>
    /// Settings that only some versions have. With the third, a table that somebody replaces by a view between the listing and
    /// the reading is an error (CVE-2024-7348). The server does not let everybody set the last ones, which only a superuser can have changed.
    /// </summary>
    private const string Some = """
        SELECT set_config(s.name, w.value, $1)
        FROM (VALUES ('transaction_timeout', '0', false), ('idle_session_timeout', '0', false), ('restrict_nonsystem_relation_kind', 'view, foreign-table', false),
          ('session_replication_role', 'origin', true), ('event_triggers', 'off', true), ('zero_damaged_pages', 'off', true), ('ignore_checksum_failure', 'off', true)) AS w(name, value, super)
        JOIN pg_settings AS s ON s.name = w.name
        WHERE s.setting <> w.value AND (current_setting('is_superuser') = 'on' OR NOT w.super)
        """;

    /// <summary>
    /// A role that a database or a role has set for its sessions would take the rights that a dump needs. It goes before what was
    /// given: a role that is asked for counts.
    /// </summary>
    private const string OwnRole = "-c role=none";

    /// <summary>
    /// The same as options of the start, for PostgreSQL's own programs. There they go before what the role and the database
    /// say. Those that were given stay, and ours count.
    /// </summary>
    public static string ClientOptions(string? given, bool isSuperuser) => Options(given, isSuperuser ? [.. Always, .. Strict] : Always);

    /// <summary>The time-outs alone, for what happens before the first statement. What else the server has set stays visible as such.</summary>
    public static string StartupOptions(string? given) => Options(given, Always.Where(s => s.Name is "statement_timeout" or "lock_timeout"));

    private static string Options(string? given, IEnumerable<(string Name, string Value)> settings) =>
        string.Join(' ', settings.Select(s => $"-c {s.Name}={s.Value.Replace(" ", "\\ ", StringComparison.Ordinal)}").Prepend($"{OwnRole} {given}".Trim()));

    /// <summary>Makes a new session ours.</summary>
    /// <param name="session">It has run nothing yet.</param>
    /// <param name="local">Only for the transaction that is open.</param>
    /// <returns>The search path that the session began with.</returns>
    public static string Apply(PostgresServer session, bool local)
    {
        // These statements name no function and no operator: until the path is set, any of those may be somebody's own.
        var set = local ? "SET LOCAL" : "SET";
        var began = session.Scalar<string>("SHOW search_path");
        session.Execute(string.Join("; ", Always.Select(s => $"{set} {s.Name} = '{s.Value}'").Append($"{set} search_path = {SafePath}")));
        session.Execute(Some, local);
        return began;
    }

    /// <summary>
    /// Makes the session one that the user's own SQL means the same in as in psql: with the role's path, views, and policies.
    /// The server's own schema goes first, also where the database puts another one before it.
    /// </summary>
    public static void ForUserSql(PostgresServer session, string path, bool local)
    {
        session.Execute("SELECT set_config(s.name, '', $1) FROM pg_settings AS s WHERE s.name = 'restrict_nonsystem_relation_kind'", local);
        session.Execute("SELECT set_config('row_security', 'on', $1)", local);
        session.Execute("SELECT pg_catalog.set_config('search_path', $1, $2)", path.Length > 0 ? $"pg_catalog, {path}" : "pg_catalog", local);
    }
}
