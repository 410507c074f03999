namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Functions that name things without their schema, and so fail where the search path is not the one they were written for.</summary>
internal static class SearchPath
{
    public const string Cure = "Where it is there, a function names it without its schema: give the function a SET search_path of its own (ALTER FUNCTION … SET search_path = …) at the source.";

    public static bool IsToBlame(string words) => words.Contains("does not exist", StringComparison.Ordinal);
}
