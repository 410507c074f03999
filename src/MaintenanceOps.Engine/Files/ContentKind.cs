namespace MaintenanceOps.Engine.Files;

/// <summary>What the content of a file was taken as.</summary>
internal enum ContentKind : byte
{
    /// <summary>Bytes in the order in which they were read.</summary>
    Plain = 0,

    /// <summary>The pages of a SQLite database in one consistent state; what its logs held is in it.</summary>
    SqliteDatabase = 1,
}
