namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>Names who else has a database open, beside a connection of our own.</summary>
internal static class Neighbours
{
    /// <summary>
    /// The processes, as far as they can be known. Only Linux tells without opening the file, and opening it beside a
    /// connection is what must not happen.
    /// </summary>
    public static IReadOnlyList<string> Of(string path) => OperatingSystem.IsLinux() ? DatabaseUsers.Of(path) : [];

    /// <summary>The processes as the end of a sentence, such as <c> It is open in python3 (1234).</c>; empty where none is known.</summary>
    public static string Sentence(string path) => Of(path) is { Count: > 0 } users ? $" It is open in {string.Join(", ", users)}." : "";
}
