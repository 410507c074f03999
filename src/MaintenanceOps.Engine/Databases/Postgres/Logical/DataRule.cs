namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Objects of a database that rule which rows it may hold: keys, constraints and unique indexes.</summary>
internal static class DataRule
{
    private static readonly string[] Kinds = ["CONSTRAINT ", "FK CONSTRAINT ", "CHECK CONSTRAINT ", "FOREIGN KEY "];

    /// <summary>What the server says where the rows are at fault and nothing else.</summary>
    private static readonly string[] Words =
    [
        "could not create unique index", "violates foreign key constraint", "could not create exclusion constraint",
        "is violated by some row", "violates check constraint", "contains null values", "violates unique constraint",
    ];

    public static bool IsOne(UnrestoredObject missing) =>
        Array.Exists(Kinds, k => missing.Name.StartsWith(k, StringComparison.Ordinal)) || missing.Statement.StartsWith("CREATE UNIQUE INDEX ", StringComparison.Ordinal);

    /// <summary>Whether it is missing because rows break it.</summary>
    public static bool IsBroken(UnrestoredObject missing) => IsOne(missing) && Array.Exists(Words, w => missing.Error.Contains(w, StringComparison.Ordinal));
}
