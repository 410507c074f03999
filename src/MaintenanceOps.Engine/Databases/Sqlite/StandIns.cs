using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Takes the place of collations and functions that only an application knows, so that its tables can be gone through. The
/// order of a stand-in is not the application's, nor is its value, so none stays longer than this object.
/// </summary>
internal sealed partial class StandIns(SqliteConnection connection) : IDisposable
{
    private const int Utf8 = 1;
    private const int Deterministic = 0x800;
    private const int Innocuous = 0x200000;

    /// <summary>As many as a database is granted.</summary>
    private const int Most = 500;

    private readonly List<string> collations = [];
    private readonly List<string> functions = [];

    /// <summary>Adds what SQLite says is missing; false where it says something else, or for ever the same.</summary>
    public bool TryAdd(string problem)
    {
        if (collations.Count + functions.Count == Most)
        {
            return false;
        }

        if (UnknownCollation().Match(problem) is { Success: true } collation)
        {
            collations.Add(collation.Groups[1].Value);
            return raw.sqlite3_create_collation(connection.Handle, collations[^1], null, (_, a, b) => string.CompareOrdinal(a, b)) == SqliteNative.Ok;
        }

        if (UnknownFunction().Match(problem) is not { Success: true } function)
        {
            return false;
        }

        functions.Add(function.Groups[1].Value);
        return SetFunction(functions[^1], (context, _, _) => raw.sqlite3_result_null(context));
    }

    public void Dispose()
    {
        collations.ForEach(c => _ = raw.sqlite3_create_collation(connection.Handle, c, null, null));
        functions.ForEach(f => _ = SetFunction(f, null));
    }

    private bool SetFunction(string name, delegate_function_scalar? function) =>
        raw.sqlite3_create_function(connection.Handle, name, -1, Utf8 | Deterministic | Innocuous, null, function) == SqliteNative.Ok;

    [GeneratedRegex(@"no such collation sequence: (.+)$", RegexOptions.Singleline)]
    private static partial Regex UnknownCollation();

    [GeneratedRegex(@"(?:no such function: |unknown function: |unsafe use of )([^(]+)", RegexOptions.Singleline)]
    private static partial Regex UnknownFunction();
}
