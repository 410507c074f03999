using System.Globalization;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Rows outside of a part that name its objects, in columns of types such as <c>regclass</c>. Such a value is the number of an
/// object. The catalog does not know of it, and it would go on with what was moved aside. The new object of the same name has
/// another number, which is written into these rows.
/// </summary>
internal sealed class NamingRows
{
    /// <summary>Names and kinds, by which the new objects are found. Functions outside are made anew where they use a type of the part.</summary>
    private const string Objects = $"""
        {Dependents.Inside}, named(classid, objid, is_inside) AS (
            SELECT classid, objid, true FROM inside
            UNION SELECT d.classid, d.objid, false FROM inside i JOIN pg_catalog.pg_depend d ON d.refclassid = i.classid AND d.refobjid = i.objid
                WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND (d.classid, d.objid) NOT IN (SELECT classid, objid FROM inside)
        )
        SELECT c.relname, n.objid::bigint, n.is_inside, a.type, a.object_names, a.object_args, o.type || ' ' || o.identity
        FROM named n JOIN pg_catalog.pg_class c ON c.oid = n.classid
        CROSS JOIN LATERAL pg_catalog.pg_identify_object_as_address(n.classid, n.objid, 0) a CROSS JOIN LATERAL pg_catalog.pg_identify_object(n.classid, n.objid, 0) o
        WHERE n.classid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_type'::regclass, 'pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass, 'pg_catalog.pg_collation'::regclass,
            'pg_catalog.pg_ts_config'::regclass, 'pg_catalog.pg_ts_dict'::regclass, 'pg_catalog.pg_namespace'::regclass)
        """;

    /// <summary>Columns of such types, of domains on them, of arrays, and of types with a field of them, where PostgreSQL keeps rows outside of the part.</summary>
    private const string Columns = $"""
        {Dependents.Inside}, type(oid, catalog, shape) AS (
            SELECT t.oid, r.catalog, 'value' FROM (VALUES ('regclass', 'pg_class'), ('regtype', 'pg_type'), ('regproc', 'pg_proc'), ('regprocedure', 'pg_proc'), ('regoper', 'pg_operator'), ('regoperator', 'pg_operator'),
                ('regcollation', 'pg_collation'), ('regconfig', 'pg_ts_config'), ('regdictionary', 'pg_ts_dict'), ('regnamespace', 'pg_namespace')) r(name, catalog)
            JOIN pg_catalog.pg_type t ON t.typname = r.name AND t.typnamespace = 'pg_catalog'::regnamespace
            UNION SELECT t.oid, y.catalog, CASE WHEN t.typbasetype = y.oid THEN y.shape WHEN t.typelem = y.oid AND y.shape = 'value' THEN 'list' ELSE 'other' END
            FROM type y JOIN pg_catalog.pg_type t ON t.typbasetype = y.oid OR (t.typelem = y.oid AND t.typlen = -1)
                OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.atttypid = y.oid AND a.attnum > 0 AND NOT a.attisdropped)
                OR EXISTS (SELECT FROM pg_catalog.pg_range g WHERE g.rngtypid = t.oid AND g.rngsubtype = y.oid)
        )
        SELECT n.nspname, c.relname, c.relkind = 'm', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), y.catalog, y.shape
        FROM pg_catalog.pg_attribute a JOIN type y ON y.oid = a.atttypid JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped AND coalesce(pg_catalog.to_jsonb(a)->>'attgenerated', '') = '' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
          AND NOT EXISTS (SELECT FROM inside i WHERE i.classid = 'pg_catalog.pg_class'::regclass AND i.objid = c.oid)
        ORDER BY 1, 2, a.attnum
        """;

    private readonly PostgresServer live;
    private readonly List<Column> columns;
    private readonly Dictionary<(string Catalog, long Id), Named> objects;

    /// <summary>Reads names while everything still has its old one.</summary>
    /// <param name="live">The database.</param>
    /// <param name="tables">The numbers of the tables that will be replaced.</param>
    /// <param name="schema">The number of the schema that will be replaced; 0 for none.</param>
    public NamingRows(PostgresServer live, IReadOnlyList<long> tables, long schema = 0)
    {
        this.live = live;
        columns = live.Rows(Columns, r => new Column(new TableName(r.GetString(0), r.GetString(1)), r.GetBoolean(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6)), tables.ToArray(), schema);
        objects = columns.Count == 0 ? [] : live.Rows(Objects, r => new Named(r.GetString(0), r.GetInt64(1), r.GetBoolean(2), r.GetString(3), r.GetFieldValue<string[]>(4), r.GetFieldValue<string[]>(5), r.GetString(6)), tables.ToArray(), schema)
            .ToDictionary(o => (o.Catalog, o.Id));
    }

    public List<string> Notes { get; } = [];

    /// <summary>Lets the rows name the new objects, now that these have the names.</summary>
    /// <returns>What still names what was moved aside.</returns>
    public List<UnrestoredObject> Rewrite()
    {
        var left = new List<UnrestoredObject>();
        foreach (var column in columns)
        {
            try
            {
                live.Execute("SAVEPOINT naming");
                left.AddRange(Rewrite(column));
            }
            catch (PostgresException e) when (e.SqlState != PostgresErrorCodes.LockNotAvailable)
            {
                live.Execute("ROLLBACK TO SAVEPOINT naming");
                left.Add(new UnrestoredObject(column.Words, $"Rows that name what was kept aside could not be looked for or changed: {e.MessageText}", ""));
            }
        }

        // A materialized view has several columns, and is filled once.
        return [.. left.DistinctBy(l => (l.Name, l.Error))];
    }

    private IEnumerable<UnrestoredObject> Rewrite(Column column)
    {
        var here = objects.Values.Where(o => o.Catalog == column.Catalog).ToList();
        if (here.Count == 0)
        {
            yield break;
        }

        var found = column.Shape == "other" ? Within(column, here) : live.Rows(column.Search, r => objects[(column.Catalog, r.GetInt64(0))], here.Select(o => o.Id).ToArray());
        var changes = found.Select(o => (Old: o, New: NumberNow(o))).Where(c => c.New != c.Old.Id || c.Old.IsInside).ToList();
        if (changes.Count == 0)
        {
            yield break;
        }

        if (column.IsStored)
        {
            yield return new UnrestoredObject($"MATERIALIZED VIEW {column.Table}", "Its rows name objects that were kept aside. They name the restored ones when it is filled again.", $"REFRESH MATERIALIZED VIEW {column.Table.Quoted};");
            yield break;
        }

        var lost = changes.Where(c => column.Shape == "other" || c.New == 0 || c.New == c.Old.Id).Select(c => c.Old.Words).ToList();
        if (lost.Count > 0)
        {
            yield return new UnrestoredObject(
                column.Words,
                $"Its rows still name what was kept aside: {string.Join(", ", lost.Take(5))}{(lost.Count > 5 ? ", …" : "")}. {(column.Shape == "other" ? $"A value of the type {column.Type} is not changed by itself." : "The restored part has nothing of these names.")}",
                "");
        }

        var made = changes.Where(c => column.Shape != "other" && c.New != 0 && c.New != c.Old.Id).Select(c => (c.Old.Id, c.New)).ToList();
        if (made.Count > 0)
        {
            WithoutTriggers(() => live.Execute(column.Change(made)));
            Notes.Add($"Column '{column.Name}' of '{column.Table}' has rows that named what was replaced: {string.Join(", ", changes.Take(5).Select(c => c.Old.Words))}{(changes.Count > 5 ? ", …" : "")}. They name the restored one now.");
        }
    }

    /// <summary>Within larger values names can only be looked for by their text, which is that of the old object's new name.</summary>
    private List<Named> Within(Column column, List<Named> here)
    {
        var names = live.Rows($"SELECT o.id, o.id::oid::pg_catalog.{TypeOf(column.Catalog)}::text FROM pg_catalog.unnest($1) o(id)", r => (Id: r.GetInt64(0), Text: r.GetString(1)), here.Select(o => o.Id).ToArray());
        var texts = live.Rows(
            $"SELECT DISTINCT v.text FROM ONLY {column.Table.Quoted} t CROSS JOIN LATERAL (SELECT pg_catalog.jsonb_path_query(pg_catalog.to_jsonb(t.{PostgresServer.Quote(column.Name)}), '$.**') #>> '{{}}' AS text) v WHERE v.text = ANY ($1)",
            r => r.GetString(0),
            new object[] { names.Select(n => n.Text).ToArray() });
        return [.. names.Where(n => texts.Contains(n.Text)).Select(n => objects[(column.Catalog, n.Id)])];
    }

    private static string TypeOf(string catalog) => catalog switch
    {
        "pg_class" => "regclass",
        "pg_type" => "regtype",
        "pg_proc" => "regprocedure",
        "pg_operator" => "regoperator",
        "pg_collation" => "regcollation",
        "pg_ts_config" => "regconfig",
        "pg_ts_dict" => "regdictionary",
        _ => "regnamespace",
    };

    /// <returns>The number of what has the name now; 0 where nothing has.</returns>
    private long NumberNow(Named named)
    {
        live.Execute("SAVEPOINT piece");
        try
        {
            var number = live.Scalar<long>("SELECT objid::bigint FROM pg_catalog.pg_get_object_address($1, $2, $3)", named.Kind, named.Names, named.Arguments);
            live.Execute("RELEASE SAVEPOINT piece");
            return number;
        }
        catch (PostgresException)
        {
            live.Execute("ROLLBACK TO SAVEPOINT piece");
            return 0;
        }
    }

    /// <summary>The rows say what they said, so neither a trigger that records changes nor one that refuses them is asked. Only a superuser may pass over them.</summary>
    private void WithoutTriggers(Action change)
    {
        var role = live.Scalar<string>("SHOW session_replication_role");
        live.Execute("SAVEPOINT piece");
        try
        {
            live.Execute("SET LOCAL session_replication_role = replica");
            live.Execute("RELEASE SAVEPOINT piece");
        }
        catch (PostgresException)
        {
            live.Execute("ROLLBACK TO SAVEPOINT piece");
            change();
            return;
        }

        change();
        live.Execute($"SET LOCAL session_replication_role = {role}");
    }

    /// <summary>An object that rows may name.</summary>
    private sealed record Named(string Catalog, long Id, bool IsInside, string Kind, string[] Names, string[] Arguments, string Words);

    /// <summary>A column that may name objects of one catalog: as a value, in a list of values, or within something else.</summary>
    private sealed record Column(TableName Table, bool IsStored, string Name, string Type, string Catalog, string Shape)
    {
        public string Words => $"COLUMN {Name} of {Table}";

        private string Quoted => PostgresServer.Quote(Name);

        public string Search => Shape == "list"
            ? $"SELECT DISTINCT v.id::bigint FROM ONLY {Table.Quoted} CROSS JOIN LATERAL pg_catalog.unnest({Quoted}::oid[]) v(id) WHERE v.id = ANY ($1::oid[])"
            : $"SELECT DISTINCT {Quoted}::oid::bigint FROM ONLY {Table.Quoted} WHERE {Quoted}::oid = ANY ($1::oid[])";

        public string Change(List<(long Old, long New)> numbers)
        {
            var (olds, news) = (List(numbers.Select(n => n.Old)), List(numbers.Select(n => n.New)));
            return Shape == "list"
                ? $"UPDATE ONLY {Table.Quoted} SET {Quoted} = {numbers.Aggregate($"{Quoted}::oid[]", (value, n) => $"pg_catalog.array_replace({value}, {Number(n.Old)}::oid, {Number(n.New)}::oid)")}::{Type} WHERE {Quoted}::oid[] && {olds}"
                : $"UPDATE ONLY {Table.Quoted} SET {Quoted} = ({news})[pg_catalog.array_position({olds}, {Quoted}::oid)]::{Type} WHERE {Quoted}::oid = ANY ({olds})";
        }

        private static string List(IEnumerable<long> numbers) => $"'{{{string.Join(",", numbers.Select(Number))}}}'::oid[]";

        private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
    }
}
