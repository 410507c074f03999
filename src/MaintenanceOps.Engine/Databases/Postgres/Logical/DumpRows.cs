using System.Buffers.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Counts the rows that a dump holds, table by table, from the SQL that <c>pg_restore</c> makes of it. That a dump can be
/// read to its end, and that each table came with the rows that the same transaction counted, is what proves it whole.
/// </summary>
/// <remarks>
/// Whose rows come is told by the comment before them, which has the number of the table. The name in <c>COPY</c> may be another
/// table's, as of a partition whose rows are loaded through its root, and is in the encoding of the database.
/// </remarks>
internal sealed class DumpRows
{
    private const int BufferSize = 1 << 20;
    private readonly Dictionary<uint, long> rows = [];
    private uint table;
    private Place place;
    private bool isQuoted;
    private long count;

    private enum Place
    {
        Elsewhere,
        BeforeRows,
        InCommand,
        InRows,
    }

    /// <summary>What <c>pg_restore</c> is told, so that only rows come, and the numbers of their tables with them.</summary>
    public static string[] Arguments { get; } = ["--file=-", "--section=data", "--verbose"];

    /// <summary>By the number that the server has for the table.</summary>
    public IReadOnlyDictionary<uint, long> Rows => rows;

    /// <summary>Reads the SQL to its end.</summary>
    public void Read(Stream sql)
    {
        var buffer = new byte[BufferSize];
        var (start, end) = (0, 0);
        while (true)
        {
            var line = buffer.AsSpan(start, end - start);
            var length = line.IndexOf((byte)'\n');
            if (length >= 0)
            {
                Take(line[..length]);
                start += length + 1;
                continue;
            }

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
        }
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        switch (place)
        {
            case Place.InRows when line.SequenceEqual("\\."u8):
                rows[table] = rows.GetValueOrDefault(table) + count;
                (place, count) = (Place.Elsewhere, 0);
                break;
            case Place.InRows:
                count++;
                break;
            case Place.InCommand:
            case Place.BeforeRows when line.StartsWith("COPY "u8):
                FollowCommand(line);
                break;
            default:
                FollowComment(line);
                break;
        }
    }

    /// <summary>A command goes over several lines where a name has line breaks; it does not end within quotes.</summary>
    private void FollowCommand(ReadOnlySpan<byte> line)
    {
        isQuoted ^= (line.Count((byte)'"') & 1) == 1;
        place = !isQuoted && line.EndsWith(" FROM stdin;"u8) ? Place.InRows : Place.InCommand;
    }

    /// <summary>As <c>-- TOC entry 3360 (class 0 OID 16396)</c>, and a few lines later <c>-- Data for Name: orders; Type: …</c>.</summary>
    private void FollowComment(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("-- TOC entry "u8))
        {
            var number = line[(line.LastIndexOf((byte)' ') + 1)..];
            place = Place.Elsewhere;
            table = Utf8Parser.TryParse(number, out uint oid, out _) ? oid : 0;
        }
        else if (line.StartsWith("-- Data for Name: "u8))
        {
            place = Place.BeforeRows;
        }
    }
}
