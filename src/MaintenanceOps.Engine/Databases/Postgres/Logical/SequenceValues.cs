using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// The states of a database's sequences. They belong to no transaction: what is read before a dump may be behind what the dump
/// holds, and never ahead of it, but where somebody set a sequence back meanwhile.
/// </summary>
internal static class SequenceValues
{
    /// <summary>Sequences that go round say nothing by their number, and those of an extension come with it.</summary>
    private const string Sql = """
        SELECT n.nspname, c.relname, pg_catalog.format('%I.%I', n.nspname, c.relname), s.seqincrement < 0
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
        WHERE NOT s.seqcycle AND c.relpersistence = 'p' AND n.nspname !~ '^pg_'
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY 1, 2
        """;

    /// <summary>How many are asked for with one statement.</summary>
    private const int Batch = 200;

    public static List<(SequenceFacts Sequence, bool Descends)> Read(PostgresServer server)
    {
        var all = server.Rows(Sql, r => (Name: PostgresTables.Key(r.GetString(0), r.GetString(1)), Quoted: r.GetString(2), Descends: r.GetBoolean(3)));
        return [.. all.Chunk(Batch).SelectMany(chunk => Ask(server, chunk))];
    }

    /// <summary>The states before a dump of which it is certain that the dump holds the same or a later one.</summary>
    /// <param name="before">As they were when the dump had not begun.</param>
    /// <param name="after">As they are when it has ended.</param>
    public static SequenceFacts[] Certain(List<(SequenceFacts Sequence, bool Descends)> before, List<(SequenceFacts Sequence, bool Descends)> after)
    {
        var later = after.ToDictionary(s => s.Sequence.Name, s => s.Sequence);
        return [.. before.Where(s => later.TryGetValue(s.Sequence.Name, out var now) && !s.Sequence.IsAheadOf(now, s.Descends)).Select(s => s.Sequence)];
    }

    /// <summary>The recorded sequences that would give out a number again, each with what it would begin with.</summary>
    public static List<(SequenceFacts Recorded, SequenceFacts? Restored)> Behind(IEnumerable<SequenceFacts> recorded, PostgresServer restored)
    {
        var present = Read(restored).ToDictionary(s => s.Sequence.Name);
        return
        [
            .. recorded
                .Select(r => (Recorded: r, Found: present.TryGetValue(r.Name, out var found), Restored: found))
                .Where(s => !s.Found || s.Recorded.IsAheadOf(s.Restored.Sequence, s.Restored.Descends))
                .Select(s => (s.Recorded, s.Found ? s.Restored.Sequence : null)),
        ];
    }

    private static List<(SequenceFacts, bool)> Ask(PostgresServer server, (string Name, string Quoted, bool Descends)[] chunk)
    {
        try
        {
            var rows = server.Rows(
                string.Join(" UNION ALL ", chunk.Select((s, i) => $"SELECT {i}, last_value, is_called FROM {s.Quoted}")),
                r => (Index: r.GetInt32(0), Last: r.GetInt64(1), IsCalled: r.GetBoolean(2)));
            return [.. rows.Select(r => (new SequenceFacts(chunk[r.Index].Name, r.Last, r.IsCalled), chunk[r.Index].Descends))];
        }
        catch (PostgresException) when (chunk.Length > 1)
        {
            return [.. chunk.SelectMany(s => Ask(server, [s]))];
        }
        catch (PostgresException)
        {
            // It was dropped meanwhile, or may not be read; then the dump says so.
            return [];
        }
    }
}
