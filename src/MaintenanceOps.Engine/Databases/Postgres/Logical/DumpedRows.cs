using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>The rows of one table in a dump, loaded through a session of ours instead of <c>pg_restore</c>'s own, which allows no search path.</summary>
internal sealed partial class DumpedRows(DumpPlayer player, PostgresServer database, string schema, string table)
{
    private const int BufferSize = 1 << 16;
    private const string End = " FROM stdin;\n";

    /// <summary>The table that they go into, as SQL writes it; null for the one that the dump names, which may be a partition's root.</summary>
    public string? Into { get; init; }

    public void Load() => player.ReadRows(schema, table, Load);

    private void Load(Stream sql, Encoding encoding)
    {
        using var lines = new BufferedStream(sql, BufferSize);
        while (CommandIn(lines) is { } command)
        {
            Send(encoding.GetString(command)[..^End.Length], lines);
        }
    }

    /// <summary>The next command with rows behind it; a name in it may have line breaks.</summary>
    private static byte[]? CommandIn(Stream lines)
    {
        while (LineOf(lines) is { Length: > 0 } line)
        {
            if (!line.AsSpan().StartsWith("COPY "u8))
            {
                continue;
            }

            var command = new List<byte>(line);
            while (!(command.Count(b => b == '"') % 2 == 0 && Encoding.ASCII.GetString([.. command.TakeLast(End.Length)]) == End) && LineOf(lines) is { Length: > 0 } more)
            {
                command.AddRange(more);
            }

            return [.. command];
        }

        return null;
    }

    private void Send(string command, Stream lines)
    {
        command = Into is null ? command : Target().Replace(command, _ => $"COPY {Into} ", 1);
        var (copy, rows) = database.CopyIn($"{command} FROM STDIN WITH (ENCODING {PostgresServer.Literal(database.EncodingName)})");
        using (copy)
        {
            while (LineOf(lines) is { Length: > 0 } line && !line.AsSpan().SequenceEqual("\\.\n"u8))
            {
                rows.Write(line);
            }
        }
    }

    [GeneratedRegex("^COPY (\"(?:[^\"]|\"\")+\"|[^ \".]+)\\.(\"(?:[^\"]|\"\")+\"|[^ \".]+) ", RegexOptions.CultureInvariant)]
    private static partial Regex Target();

    /// <summary>A line with its end; empty where there is none left.</summary>
    private static byte[] LineOf(Stream lines)
    {
        using var line = new MemoryStream();
        for (var read = lines.ReadByte(); read >= 0; read = lines.ReadByte())
        {
            line.WriteByte((byte)read);
            if (read == '\n')
            {
                break;
            }
        }

        return line.ToArray();
    }
}
