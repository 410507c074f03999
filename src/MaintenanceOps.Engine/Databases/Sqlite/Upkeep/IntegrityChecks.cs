using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>
/// SQLite's own checks of the content, one result each. A damaged file is a result and not an exception: it is what was
/// asked for.
/// </summary>
internal sealed class IntegrityChecks(string path, string place, TimeSpan lockTimeout, CancellationToken cancellation)
{
    /// <summary>Problems that are told.</summary>
    private const int Kept = 100;

    /// <summary>Problems that are counted; a file that has more is no better known for it.</summary>
    private const int Counted = 10_000;

    /// <summary>quick_check leaves out whether indexes are whole; integrity_check leaves out foreign keys.</summary>
    public IEnumerable<IntegrityResult> Run(VerificationLevel level)
    {
        if (level < VerificationLevel.Full)
        {
            yield return Check("quick_check", Messages);
        }
        else
        {
            yield return Check("integrity_check", Messages);
            yield return Check("foreign_key_check", BrokenKeys);
        }
    }

    private IntegrityResult Check(string check, Func<SqliteConnection, string, IEnumerable<string>> problemsOf)
    {
        var watch = Stopwatch.StartNew();
        var result = new IntegrityResult { Engine = DatabaseEngine.Sqlite, Database = place, Check = check, Passed = false };
        var problems = new List<string>();
        var count = 0L;
        try
        {
            RefuseCutFile();
            using var session = SqliteSession.Open(path, cancellation);
            var objects = new LockTurns(lockTimeout, cancellation).Reading(session.Connection, () =>
            {
                foreach (var problem in problemsOf(session.Connection, check).Take(Counted))
                {
                    count++;
                    if (problems.Count < Kept)
                    {
                        problems.Add(problem);
                    }
                }

                return session.Connection.Scalar<long>("SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'index')");
            });
            result = result with { Passed = count == 0, Objects = objects };
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Corrupt or SqliteNative.NotADatabase)
        {
            // It was looked at, as far as it can be, and that is what was found.
            count++;
            problems.Add(SqliteConnections.Wrap(e, place).Message);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.DatabaseCorrupt)
        {
            count++;
            problems.Add(e.Message);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.DatabaseBusy)
        {
            result = result with { Reason = e.Message };
        }
        catch (SqliteException e)
        {
            result = result with { Reason = SqliteConnections.Wrap(e, place).Message };
        }

        return result with { ProblemCount = count, Problems = problems, Elapsed = watch.Elapsed };
    }

    /// <summary>SQLite's own checks take zeros for what lacks of the last page.</summary>
    private void RefuseCutFile()
    {
        try
        {
            HotDatabase.Open(path, lockTimeout, cancellation).Dispose();
        }
        catch (MaintenanceException e) when (e.Code is not (ErrorCode.DatabaseCorrupt or ErrorCode.DatabaseBusy))
        {
            // The check itself will say what keeps it from being made.
        }
    }

    private static IEnumerable<string> Messages(SqliteConnection connection, string check) =>
        Rows(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA {check}({Counted})"), r => r.GetString(0)).Where(m => m != "ok");

    private static IEnumerable<string> BrokenKeys(SqliteConnection connection, string check) =>
        Rows(connection, $"PRAGMA {check}", r => string.Create(
            CultureInfo.InvariantCulture,
            $"{(r.IsDBNull(1) ? "A row" : $"Row {r.GetInt64(1)}")} of table '{r.GetString(0)}' points to a row of '{r.GetString(2)}' that does not exist."));

    /// <summary>One by one: a database may have millions of broken keys.</summary>
    private static IEnumerable<string> Rows(SqliteConnection connection, string sql, Func<SqliteDataReader, string> read)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // A pragma with a number.
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            yield return read(reader);
        }
    }
}
