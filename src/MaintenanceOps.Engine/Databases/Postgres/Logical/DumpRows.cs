using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Counts the rows that a dump holds, table by table, from the SQL that <c>pg_restore</c> makes of it. That a dump can be
/// read to its end, and that each table came with the rows that the same transaction counted, is what proves it whole.
/// </summary>
internal sealed class DumpRows
{
    private const int BufferSize = 1 << 20;
    private readonly Dictionary<string, long> rows = new(StringComparer.Ordinal);

    /// <summary>By schema and table, as <see cref="PostgresTables.Key"/> writes them.</summary>
    public IReadOnlyDictionary<string, long> Rows => rows;

    /// <summary>Reads the SQL to its end.</summary>
    public void Read(Stream sql)
    {
        var buffer = new byte[BufferSize];
        var (start, end) = (0, 0);
        string? table = null;
        long count = 0;
        while (true)
        {
            var line = buffer.AsSpan(start, end - start);
            var length = line.IndexOf((byte)'\n');
            if (length < 0)
            {
                if (start == 0 && end == buffer.Length)
                {
                    Array.Resize(ref buffer, buffer.Length * 2);
                }

                line.CopyTo(buffer);
                (start, end) = (0, line.Length);
                var read = sql.Read(buffer, end, buffer.Length - end);
                if (read == 0)
                {
                    return;
                }

                end += read;
                continue;
            }

            line = line[..length];
            start += length + 1;
            if (table is null)
            {
                table = line.StartsWith("COPY "u8) && line.EndsWith(" FROM stdin;"u8) ? TableOf(line) : null;
                count = 0;
            }
            else if (line.SequenceEqual("\\."u8))
            {
                rows[table] = rows.GetValueOrDefault(table) + count;
                table = null;
            }
            else
            {
                count++;
            }
        }
    }

    /// <summary>The names in <c>COPY public."odd name" (id, body) FROM stdin;</c>.</summary>
    private static string TableOf(ReadOnlySpan<byte> line)
    {
        var text = Encoding.UTF8.GetString(line["COPY ".Length..]);
        var at = 0;
        var schema = Name(text, ref at);
        at++;
        return PostgresTables.Key(schema, Name(text, ref at));
    }

    private static string Name(string text, ref int at)
    {
        if (text[at] != '"')
        {
            var begin = at;
            while (at < text.Length && text[at] is not ('.' or ' '))
            {
                at++;
            }

            return text[begin..at];
        }

        var name = new StringBuilder();
        for (at++; at < text.Length; at++)
        {
            if (text[at] == '"' && (at + 1 >= text.Length || text[at + 1] != '"'))
            {
                at++;
                break;
            }

            at += text[at] == '"' ? 1 : 0;
            name.Append(text[at]);
        }

        return name.ToString();
    }
}
