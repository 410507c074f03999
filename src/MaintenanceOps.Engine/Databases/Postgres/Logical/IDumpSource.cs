namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>The dump of one database, wherever it comes from, in the pieces that <c>pg_restore</c> plays back.</summary>
internal interface IDumpSource
{
    /// <summary>How many pieces hold the rows.</summary>
    int DataCount { get; }

    /// <summary>Whether all of it is one piece, with the definitions and the rows in it.</summary>
    bool IsOnePiece { get; }

    /// <summary>Writes what holds the definitions; whoever reads may stop early.</summary>
    void WriteDefinitions(Stream output, CancellationToken cancellation);

    /// <summary>Writes one of the pieces that hold the rows.</summary>
    void WriteData(int number, Stream output, CancellationToken cancellation);
}
