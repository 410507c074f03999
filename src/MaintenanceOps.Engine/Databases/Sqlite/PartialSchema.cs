using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// A schema with a statement that this SQLite cannot read, as a later version may write it. To SQLite that hides the whole
/// schema; without that statement the rest is there.
/// </summary>
internal static partial class PartialSchema
{
    private const int WritableSchema = 1011;

    /// <summary>Asks about the schema; where a statement in it cannot be read, the connection goes on without that one.</summary>
    public static T WithReadableSchema<T>(this SqliteConnection connection, Func<T> ask)
    {
        try
        {
            return ask();
        }
        catch (SqliteException e) when (IsUnreadable(e))
        {
            LeaveOut(connection);
            return ask();
        }
    }

    /// <summary>Makes the readable part of the schema the schema; returns what SQLite says of the rest, null where there is none.</summary>
    public static string? Read(SqliteConnection connection)
    {
        try
        {
            _ = connection.Scalar<long>("SELECT count(*) FROM sqlite_schema");
            return IsLeftOut(connection) ? "" : null;
        }
        catch (SqliteException e) when (IsUnreadable(e))
        {
            LeaveOut(connection);
            return MessageOf(e);
        }
    }

    /// <summary>SQLite's own words, out of the sentence that the managed library puts around them.</summary>
    public static string MessageOf(SqliteException e) => Quoted().Match(e.Message) is { Success: true } match ? match.Groups[1].Value : e.Message;

    private static bool IsLeftOut(SqliteConnection connection)
    {
        raw.sqlite3_db_config(connection.Handle, WritableSchema, -1, out var isSet);
        return isSet != 0;
    }

    private static void LeaveOut(SqliteConnection connection)
    {
        // Nothing is written by it: this is how SQLite is told to go on with what it understands.
        raw.sqlite3_db_config(connection.Handle, WritableSchema, 1, out _);
        try
        {
            // The first statement still fails; from the second one on the readable part is the schema.
            _ = connection.Scalar<long>("SELECT count(*) FROM sqlite_schema");
        }
        catch (SqliteException e) when (IsUnreadable(e))
        {
        }
    }

    private static bool IsUnreadable(SqliteException e) =>
        e.SqliteErrorCode is SqliteNative.Corrupt or SqliteNative.Error && UnreadableStatement().IsMatch(MessageOf(e));

    [GeneratedRegex(@"^SQLite Error \d+: '(.*)'\.$", RegexOptions.Singleline)]
    private static partial Regex Quoted();

    /// <summary>A statement that names a page that cannot be is damage, and no other syntax.</summary>
    [GeneratedRegex(@"^malformed database schema \(.*\) - (?!invalid rootpage|orphan index)", RegexOptions.Singleline)]
    private static partial Regex UnreadableStatement();
}
