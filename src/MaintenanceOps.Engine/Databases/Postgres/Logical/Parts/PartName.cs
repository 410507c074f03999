using System.Text;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Which part of a database is wanted, and what it is called where it goes.</summary>
internal sealed class PartName(RestoreOptions options)
{
    private const string DefaultSchema = "public";

    /// <summary>The schema, where a whole one is wanted; else null.</summary>
    public string? Schema => options.Schema;

    public string Words => Schema is { } schema ? $"schema '{schema}'" : $"table '{options.Table}'";

    /// <summary>Whether it gets another name than it had.</summary>
    public bool IsRenamed => options.As is not null;

    /// <summary>
    /// What a table may be meant by: <c>table</c> in public, <c>schema.table</c>, either with quotes as SQL has them, or with
    /// the database in front, as lists of several databases show it.
    /// </summary>
    public IEnumerable<TableName> Candidates(string database)
    {
        var text = options.Table!;
        if (Quoted(text) is { } names)
        {
            yield return names;
        }

        yield return new TableName(DefaultSchema, text);
        foreach (var prefix in new[] { "", database + "." })
        {
            var rest = text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : "";
            for (var dot = rest.IndexOf('.', StringComparison.Ordinal); dot > 0; dot = rest.IndexOf('.', dot + 1))
            {
                yield return new TableName(rest[..dot], rest[(dot + 1)..]);
            }
        }
    }

    /// <summary>Where a table goes: the new name may have a schema that the live database knows in front.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the name is too long.</exception>
    public TableName TargetOf(TableName table, PostgresServer live)
    {
        if (options.As is not { } name)
        {
            return table;
        }

        RequireLength(name);
        var target = Quoted(name) ?? Unquoted(table.Schema, name);
        if (name.IndexOf('.', StringComparison.Ordinal) is var dot and > 0 && Quoted(name) is null
            && live.Scalar<long>("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1", name[..dot]) > 0)
        {
            target = new TableName(name[..dot], name[(dot + 1)..]);
        }

        return target;
    }

    /// <summary>What the schema is called where it goes.</summary>
    public string TargetSchema()
    {
        RequireLength(options.As ?? options.Schema!);
        return options.As ?? options.Schema!;
    }

    private static TableName Unquoted(string schema, string name) => new(schema, name);

    private static void RequireLength(string name)
    {
        foreach (var word in name.Split('.'))
        {
            if (Encoding.UTF8.GetByteCount(word) > KeptName.Longest)
            {
                throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{word}' is longer than the {KeptName.Longest} bytes that PostgreSQL keeps of a name. Give -As a shorter one.", name);
            }
        }
    }

    /// <summary>Names as SQL writes them, when at least one is in quotes.</summary>
    private static TableName? Quoted(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (isIn, wasIn) = (false, false);
        foreach (var letter in text)
        {
            if (letter == '"')
            {
                (isIn, wasIn) = (!isIn, true);
            }
            else if (letter == '.' && !isIn)
            {
                words.Add(word.ToString());
                word.Clear();
            }
            else
            {
                word.Append(letter);
            }
        }

        words.Add(word.ToString());
        return !wasIn || isIn || words.Exists(w => w.Length == 0) ? null : words switch
        {
            [var table] => new TableName(DefaultSchema, table),
            [var schema, var table] => new TableName(schema, table),
            _ => null,
        };
    }
}
