using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>
/// SQLite refuses a definition that names a function or collation that it does not know. They are the application's, and
/// none of them is called while rows are copied, so a name that does nothing is enough. One that is called ends the restore.
/// </summary>
internal sealed class ApplicationNames(SqliteConnection connection, string table)
{
    /// <summary>As many unknown names as one definition may have before it is refused.</summary>
    private const int MaxNames = 50;

    private const int Utf8 = 1;
    private const int Deterministic = 0x800;
    private const int Innocuous = 0x200000;
    private string? compared;

    /// <summary>Runs a statement that defines something.</summary>
    public void Define(string sql)
    {
        for (var known = 0; ; known++)
        {
            try
            {
                connection.Execute(sql);
                return;
            }
            catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Error && known < MaxNames && Learn())
            {
                // Now it is known.
            }
        }
    }

    /// <summary>Looks whether rows were sorted by a collation that does not sort as the application's does.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotKindMismatch"/>.</exception>
    public void RequireUncalled()
    {
        if (compared is not null)
        {
            throw NeedsApplication("collation", compared);
        }
    }

    private bool Learn()
    {
        var message = raw.sqlite3_errmsg(connection.Handle).utf8_to_string();
        if (After(message, "no such collation sequence: ") is { } collation)
        {
            // An exception must not cross SQLite, so the call is remembered.
            connection.CreateCollation(collation, (a, b) =>
            {
                compared = collation;
                return string.CompareOrdinal(a, b);
            });
            return true;
        }

        if (After(message, "no such function: ") is { } function)
        {
            // A schema may call only what is harmless, and to say that the application is needed is.
            return raw.sqlite3_create_function(
                connection.Handle,
                function,
                -1,
                Utf8 | Deterministic | Innocuous,
                null,
                (context, _, _) => raw.sqlite3_result_error(context, NeedsApplication("function", function).Message)) == SqliteNative.Ok;
        }

        return false;
    }

    private MaintenanceException NeedsApplication(string what, string name) =>
        new(ErrorCode.SnapshotKindMismatch, $"'{table}' cannot be copied without the {what} '{name}', which only the application has. Restore the whole database beside the live one, and copy the table with the application.", table);

    /// <summary>What follows the words, wherever they stand: a renaming says first in which object the name is.</summary>
    private static string? After(string message, string words) =>
        message.IndexOf(words, StringComparison.Ordinal) is >= 0 and var at && message.Length > at + words.Length ? message[(at + words.Length)..] : null;
}
