using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>What a restore must know of a database to make one that is like it, beside what <c>pg_dump</c> writes.</summary>
internal static class DatabaseFacts
{
    /// <summary>Owners and holders of rights. The superuser that initdb made is written nowhere as such, so owners are looked at too.</summary>
    private const string Roles = """
        SELECT DISTINCT r.rolname FROM pg_roles r JOIN pg_database d ON d.datname = current_database()
        WHERE (r.oid = d.datdba
            OR EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND s.dbid = d.oid)
            OR EXISTS (SELECT FROM pg_shdepend s WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND s.classid = 'pg_database'::regclass AND s.objid = d.oid)
            OR EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = r.oid AND s.setdatabase = d.oid)
            OR EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relowner = r.oid AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'))
          AND r.rolname !~ '^pg_'
        ORDER BY 1
        """;

    /// <summary>Rights on the database, its limit, its comment, and what its sessions begin with; lists such as search_path are written as they are.</summary>
    private const string Settings = """
        SELECT format('REVOKE ALL ON DATABASE %s FROM PUBLIC', $1::text) FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL
        UNION ALL
        SELECT format('GRANT %s ON DATABASE %s TO %s%s', a.privilege_type, $1::text, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
        FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database() AND a.grantee <> d.datdba
        UNION ALL
        SELECT format('ALTER DATABASE %s CONNECTION LIMIT %s', $1::text, datconnlimit) FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0
        UNION ALL
        SELECT format('ALTER DATABASE %s IS_TEMPLATE true', $1::text) FROM pg_database WHERE datname = current_database() AND datistemplate
        UNION ALL
        SELECT format('COMMENT ON DATABASE %s IS %L', $1::text, c.description)
        FROM pg_shdescription c JOIN pg_database d ON c.classoid = 'pg_database'::regclass AND c.objoid = d.oid WHERE d.datname = current_database()
        UNION ALL
        SELECT format('SECURITY LABEL FOR %I ON DATABASE %s IS %L', l.provider, $1::text, l.label)
        FROM pg_shseclabel l JOIN pg_database d ON l.classoid = 'pg_database'::regclass AND l.objoid = d.oid WHERE d.datname = current_database()
        UNION ALL
        SELECT format('ALTER %s SET %I TO %s',
            CASE s.setrole WHEN 0 THEN 'DATABASE ' || $1::text ELSE format('ROLE %I IN DATABASE %s', pg_get_userbyid(s.setrole), $1::text) END,
            split_part(c, '=', 1),
            CASE WHEN split_part(c, '=', 1) IN ('search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries') THEN nullif(substr(c, strpos(c, '=') + 1), '') ELSE quote_literal(substr(c, strpos(c, '=') + 1)) END)
        FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c WHERE d.datname = current_database()
        """;

    public static PostgresDatabase Read(PostgresServer database) => database.Rows(
        // The columns of the locale came and changed their names with versions 15 to 17; a row as JSON has those that there are.
        """
        SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, pg_database_size(oid),
            to_jsonb(d)->>'datlocprovider', coalesce(to_jsonb(d)->>'datlocale', to_jsonb(d)->>'daticulocale'), to_jsonb(d)->>'daticurules',
            (SELECT nullif(t.spcname, 'pg_default') FROM pg_tablespace t WHERE t.oid = d.dattablespace)
        FROM pg_database d WHERE datname = current_database()
        """,
        r => new PostgresDatabase
        {
            Name = database.Database,
            Owner = r.GetString(0),
            Encoding = r.GetString(1),
            Collate = r.GetString(2),
            Ctype = r.GetString(3),
            Size = r.GetInt64(4),
            LocaleProvider = r.IsDBNull(5) ? "c" : r.GetString(5),
            Locale = r.IsDBNull(6) ? null : r.GetString(6),
            IcuRules = r.IsDBNull(7) ? null : r.GetString(7),
            Tablespace = r.IsDBNull(8) ? null : r.GetString(8),
        })[0] with
    {
        Extensions = [.. database.Rows("SELECT extname FROM pg_extension ORDER BY 1", r => r.GetString(0))],
        Roles = [.. database.Rows(Roles, r => r.GetString(0))],
        Settings = [.. database.Rows(Settings, r => r.GetString(0), PostgresDatabase.NameMark)],
    };
}
