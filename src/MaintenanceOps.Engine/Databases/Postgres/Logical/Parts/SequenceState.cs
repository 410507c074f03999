namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Where a sequence stands.</summary>
internal readonly record struct SequenceState(long Last, bool IsCalled)
{
    public static SequenceState Of(PostgresServer server, TableName sequence) =>
        server.Rows($"SELECT last_value, is_called FROM {sequence.Quoted}", r => new SequenceState(r.GetInt64(0), r.GetBoolean(1)))[0];

    public bool IsAheadOf(SequenceState other, bool descends) =>
        (descends ? Last < other.Last : Last > other.Last) || (Last == other.Last && IsCalled && !other.IsCalled);

    /// <summary>Sets a sequence to where another one stands, if that gave out more: others take their numbers from it too.</summary>
    public static void SetForward(PostgresServer server, TableName sequence, TableName other)
    {
        var descends = server.Rows("SELECT seqincrement < 0 FROM pg_catalog.pg_sequence WHERE seqrelid = pg_catalog.to_regclass($1)", r => r.GetBoolean(0), sequence.Quoted);
        if (descends is [var isDown] && Of(server, other) is var ahead && ahead.IsAheadOf(Of(server, sequence), isDown))
        {
            server.Execute("SELECT pg_catalog.setval($1::text::regclass, $2, $3)", sequence.Quoted, ahead.Last, ahead.IsCalled);
        }
    }
}
