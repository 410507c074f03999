using MaintenanceOps.Engine.Databases.Postgres.Client;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Sequences that a part's columns take their numbers from, or its functions seem to, and that belong to none of its tables. One that the live database
/// has is set forward where it is behind; one that it does not have is brought.
/// </summary>
internal sealed class SharedSequences(PostgresServer from, PostgresServer live, ClientToolOptions tools, IReadOnlyList<(TableName Sequence, bool Descends)> named)
{
    private const string Used = """
        SELECT DISTINCT n.nspname, s.relname, q.seqincrement < 0
        FROM pg_catalog.pg_attrdef a JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
        JOIN pg_catalog.pg_class s ON s.oid = d.refobjid AND s.relkind = 'S' JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
        JOIN pg_catalog.pg_class t ON t.oid = a.adrelid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
        WHERE tn.nspname = ANY ($1) AND n.nspname <> ALL ($1)
        """;

    private readonly List<TableName> made = [];

    public List<string> Notes { get; } = [];

    /// <param name="schemas">The schemas that hold the part and nothing else.</param>
    /// <param name="cancellation">Ends it.</param>
    public void Bring(IEnumerable<string> schemas, CancellationToken cancellation)
    {
        var used = from.Rows(Used, r => (Sequence: new TableName(r.GetString(0), r.GetString(1)), Descends: r.GetBoolean(2)), new object[] { schemas.ToArray() });
        foreach (var (sequence, descends) in used.Union(named))
        {
            switch (KindOf(sequence))
            {
                case "":
                    Copy(sequence, cancellation);
                    break;
                case "S":
                    SetForward(sequence, descends);
                    break;
                case var _ when !used.Exists(u => u.Sequence == sequence):
                    break;
                default:
                    throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{live.Database}' has something else under the name of sequence '{sequence}', from which the table takes its numbers. Rename it first. Nothing was changed.", sequence.ToString());
            }
        }
    }

    private string KindOf(TableName name) => live.Rows("SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)", r => r.GetString(0), name.Quoted) is [var kind] ? kind : "";

    /// <summary>Takes back what was made, because the part does not come.</summary>
    public void Undo() => made.ForEach(s => live.Execute($"DROP SEQUENCE IF EXISTS {s.Quoted}"));

    private void Copy(TableName sequence, CancellationToken cancellation)
    {
        var player = new DumpPlayer(new ServerDump(from, tools, $"--table={sequence.Quoted}"), live, tools, cancellation);
        player.PlayDefinitions("pre-data", _ => true);
        player.PlayRows();
        if (KindOf(sequence) != "S")
        {
            throw new MaintenanceException(ErrorCode.DatabaseError, $"The table takes its numbers from sequence '{sequence}', which '{live.Database}' does not have, and which could not be made there: {string.Join("; ", player.Errors.Select(e => e.Error))}. Nothing was changed.", sequence.ToString());
        }

        made.Add(sequence);
        Notes.Add($"Sequence '{sequence}', from which it takes its numbers, was missing and came along.");
    }

    private void SetForward(TableName sequence, bool descends)
    {
        var (was, now) = (SequenceState.Of(from, sequence), SequenceState.Of(live, sequence));
        if (was.IsAheadOf(now, descends))
        {
            try
            {
                live.Execute("SELECT pg_catalog.setval($1::text::regclass, $2, $3)", sequence.Quoted, was.Last, was.IsCalled);
                Notes.Add($"Sequence '{sequence}', from which it takes its numbers, was set from {now.Last} to {was.Last}.");
            }
            catch (PostgresException e)
            {
                Notes.Add($"Sequence '{sequence}', from which it takes its numbers, stands at {now.Last} and should stand at {was.Last}, but cannot be set: {e.MessageText}");
            }
        }
    }
}
