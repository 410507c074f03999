using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Reads a live database, and begins again where its state did not hold: the file was replaced, cut or written to past
/// SQLite's locks. A database that never holds still is an error and never a snapshot.
/// </summary>
internal sealed class SteadyRead(IOperationSink sink)
{
    private const int Attempts = 8;

    /// <summary>A database that looks broken while it is written to is looked at this often, and is broken then.</summary>
    private const int PassingAttempts = 3;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Attempts end after this time, however few they were: a source that changes for so long goes on changing.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    /// <summary>Opens the database and reads it with <paramref name="read"/>, which ends with <see cref="HotDatabase.RequireSteady"/>.</summary>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.SourceChanged"/> after the last attempt; or what <see cref="HotDatabase.Open"/> and
    /// <paramref name="read"/> throw.
    /// </exception>
    public T Run<T>(string path, TimeSpan? lockTimeout, Func<HotDatabase, T> read, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        for (var attempt = 1; ; attempt++)
        {
            var before = SourceFiles.Of(path);
            try
            {
                using var database = HotDatabase.Open(path, lockTimeout, cancellation);
                return ReadOnce(database, read);
            }
            catch (MaintenanceException e) when (attempt < Attempts && watch.Elapsed < Patience && (e.Code == ErrorCode.SourceChanged || (attempt < PassingAttempts && IsPassing(e) && before != SourceFiles.Of(path))))
            {
                sink.Inform($"{e.Message.Split(". ")[0]}. It is read again, for the {Ordinal(attempt + 1)} time.");
                cancellation.WaitHandle.WaitOne(Pause * attempt);
                cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Whatever is found wrong with a state that did not hold is no word about the database.</summary>
    private static T ReadOnce<T>(HotDatabase database, Func<HotDatabase, T> read)
    {
        try
        {
            return read(database);
        }
        catch (Exception e) when (e is SqliteException or MaintenanceException { Code: ErrorCode.InputOutput or ErrorCode.DatabaseCorrupt or ErrorCode.NotADatabase or ErrorCode.DatabaseError })
        {
            database.RequireSteady();
            throw;
        }
    }

    /// <summary>What a file that is being replaced looks like for a moment.</summary>
    private static bool IsPassing(MaintenanceException e) =>
        e.Code is ErrorCode.PathNotFound or ErrorCode.DatabaseEmpty or ErrorCode.NotADatabase or ErrorCode.DatabaseCorrupt or ErrorCode.AccessDenied;

    private static string Ordinal(int number) => number switch { 2 => "second", 3 => "third", _ => $"{number}th" };
}
