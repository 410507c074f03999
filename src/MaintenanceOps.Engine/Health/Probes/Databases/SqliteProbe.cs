using MaintenanceOps.Engine.Databases;
using MaintenanceOps.Engine.Databases.Sqlite;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Health.Probes.Databases;

/// <summary>Opens a SQLite database beside its users: it can be read, it can be written within the time, and its log does not pile up.</summary>
public sealed class SqliteProbe(string path, DatabaseQuestion? question = null, DatabaseLimits? limits = null) : IProbe
{
    /// <summary>A log of this size is not being moved into the database: some reader never ends.</summary>
    private const long LargeLog = 256L << 20;

    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public string Kind => "database";

    /// <inheritdoc/>
    public string Target => path;

    /// <inheritdoc/>
    public Task<Observation> Observe(ProbeContext context) =>
        Task.Factory.StartNew(() => Look(context.Cancellation), context.Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private Observation Look(CancellationToken cancellation)
    {
        var verdict = new Verdict();
        try
        {
            using var connection = SqliteConnections.OpenBeside(DatabaseLinks.Target(path), LockPatience);
            connection.CancelOn(cancellation);
            Read(connection, verdict);
            TryWriteLock(connection, verdict);
        }
        catch (SqliteException e)
        {
            cancellation.ThrowIfCancellationRequested();
            verdict.Unhealthy(SqliteConnections.Wrap(e, path).Message);
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.PathNotFound or ErrorCode.NotADatabase or ErrorCode.DatabaseEmpty or ErrorCode.DatabaseCorrupt or ErrorCode.DatabaseBusy)
        {
            verdict.Unhealthy(e.Message);
        }

        return verdict.End("readable and writable");
    }

    private void Read(SqliteConnection connection, Verdict verdict)
    {
        connection.Execute("PRAGMA query_only = 1");
        var tables = connection.Scalar<long>("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
        var file = DatabaseLinks.Target(path);
        var log = new FileInfo(file + "-wal");
        var size = new FileInfo(file).Length;
        verdict.Fact("Size", size);
        verdict.Fact("WalSize", log.Exists ? log.Length : 0);
        verdict.Fact("Tables", tables);
        verdict.Fact("JournalMode", connection.Scalar<string>("PRAGMA journal_mode"));
        if (size > limits?.MaxSize)
        {
            verdict.Degraded($"it has {ByteSize.Format(size)}, more than {ByteSize.Format(limits.MaxSize.Value)}");
        }

        if (log.Exists && log.Length > (limits?.MaxWal ?? LargeLog))
        {
            verdict.Degraded($"its log holds {ByteSize.Format(log.Length)}: a reader that does not end keeps it from being moved into the database");
        }

        if (question is not null)
        {
            using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The user's own SQL, for reading only.
            command.CommandText = question.Sql;
#pragma warning restore CA2100
            try
            {
                using var reader = command.ExecuteReader();
                question.Judge(SqlAnswer.FirstOfEach(reader), verdict);
            }
            catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Error or SqliteNative.ReadOnly)
            {
                // What the query says of the application cannot be known.
                verdict.Unknown(e.SqliteErrorCode == SqliteNative.ReadOnly ? "the query may only read" : $"the query cannot be asked: {Expectation.Shorten(e.Message)}");
            }
        }
    }

    /// <summary>Takes the lock that every writer needs and gives it back; nothing is written.</summary>
    private void TryWriteLock(SqliteConnection connection, Verdict verdict)
    {
        try
        {
            connection.Execute("PRAGMA query_only = 0");
            connection.Execute("BEGIN IMMEDIATE");
            connection.Execute("ROLLBACK");
        }
        catch (SqliteException e) when (SqliteNative.IsLock(e))
        {
            var users = DatabaseUsers.Of(path);
            verdict.Degraded($"writers have waited for more than {Duration.Format(LockPatience)}{(users.Count > 0 ? $"; it is open in {string.Join(", ", users)}" : "")}");
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.ReadOnly)
        {
            verdict.Degraded("it can be read and not written");
        }
    }
}
