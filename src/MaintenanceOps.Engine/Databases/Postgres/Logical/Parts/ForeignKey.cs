using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>A table by its schema and name, both as they are.</summary>
internal readonly record struct TableName(string Schema, string Name)
{
    /// <summary>As SQL writes it.</summary>
    public string Quoted => $"{PostgresServer.Quote(Schema)}.{PostgresServer.Quote(Name)}";

    /// <summary>As <see cref="PostgresTables.Key"/> writes it.</summary>
    public override string ToString() => PostgresTables.Key(Schema, Name);
}

/// <summary>A foreign key in pieces, so that either table can get another name.</summary>
/// <param name="Table">The table that refers.</param>
/// <param name="Name">The constraint's name.</param>
/// <param name="Target">The table that is referred to.</param>
/// <param name="Columns">From <c>FOREIGN KEY</c> to before the name of the target.</param>
/// <param name="Rest">What is behind that name.</param>
internal sealed partial record ForeignKey(TableName Table, string Name, TableName Target, string Columns, string Rest)
{
    /// <summary>Those of a database's catalog; a partition's own copies of its parent's are not among them.</summary>
    private const string Sql = """
        SELECT n.nspname, r.relname, c.conname, tn.nspname, t.relname, pg_catalog.pg_get_constraintdef(c.oid), pg_catalog.obj_description(c.oid, 'pg_constraint')
        FROM pg_catalog.pg_constraint c
        JOIN pg_catalog.pg_class r ON r.oid = c.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
        JOIN pg_catalog.pg_class t ON t.oid = c.confrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
        WHERE c.contype = 'f' AND c.conparentid = 0
        """;

    /// <summary>What the database says about it.</summary>
    public string? Comment { get; init; }

    /// <summary>The statement that adds it.</summary>
    public string Statement => $"ALTER TABLE {Table.Quoted} ADD CONSTRAINT {PostgresServer.Quote(Name)} {Columns}{Target.Quoted}{Rest}"
        + (Comment is null ? "" : $"; COMMENT ON CONSTRAINT {PostgresServer.Quote(Name)} ON {Table.Quoted} IS {PostgresServer.Literal(Comment)}");

    public static List<ForeignKey> Of(PostgresServer database) =>
        [.. database.Rows(Sql, r => Split(new TableName(r.GetString(0), r.GetString(1)), r.GetString(2), r.GetString(5)) is { } key ? key with { Comment = r.IsDBNull(6) ? null : r.GetString(6) } : null).OfType<ForeignKey>()];

    /// <summary>Those in the SQL that <c>pg_restore</c> writes of a dump.</summary>
    public static List<ForeignKey> Parse(string sql) =>
    [
        .. Statements().Matches(sql)
            .Select(m => Split(new TableName(Plain(m.Groups["schema"].Value), Plain(m.Groups["table"].Value)), Plain(m.Groups["name"].Value), m.Groups["definition"].Value))
            .OfType<ForeignKey>(),
    ];

    private static ForeignKey? Split(TableName table, string name, string definition) => Definition().Match(definition) is { Success: true } parts
        ? new ForeignKey(table, name, new TableName(Plain(parts.Groups["schema"].Value), Plain(parts.Groups["table"].Value)), parts.Groups["columns"].Value, parts.Groups["rest"].Value)
        : null;

    private static string Plain(string written) => written.StartsWith('"') ? written[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal) : written;

    private const string Identifier = "(?:\"(?:[^\"]|\"\")+\"|[^\"\\s.(;]+)";

    [GeneratedRegex("^ALTER TABLE (?:ONLY )?(?<schema>" + Identifier + ")\\.(?<table>" + Identifier + ")\\s+ADD CONSTRAINT (?<name>" + Identifier + ") (?<definition>FOREIGN KEY (?:\"(?:[^\"]|\"\")+\"|[^\";])*);", RegexOptions.Multiline)]
    private static partial Regex Statements();

    [GeneratedRegex("^(?<columns>FOREIGN KEY \\((?:\"(?:[^\"]|\"\")+\"|[^\")])*\\) REFERENCES )(?<schema>" + Identifier + ")\\.(?<table>" + Identifier + ")(?<rest>.*)$", RegexOptions.Singleline)]
    private static partial Regex Definition();
}
