using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite.Tables;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Copies one table out of a snapshot into a live database, in one transaction. The state with the table that is replaced
/// is in a safety snapshot before, with all that was committed to it.
/// </summary>
internal sealed class SqliteTableRestore(Repository repository, IOperationSink sink)
{
    private const int Defensive = 1010;

    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        SqliteRestoreTarget.RefuseOtherKinds(snapshot, options);
        var table = Find(snapshot, options.Table!);
        var name = options.As is { } other && !SqlText.SameName(other, table.Name) ? other : table.Name;
        if (name.StartsWith("sqlite_", StringComparison.OrdinalIgnoreCase))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{name}' is a name that SQLite keeps for itself. Give -As another one.", name);
        }

        // Without -Destination the table goes back to where it came from, which needs no further word.
        var target = SqliteRestoreTarget.Of(snapshot, options with { InPlace = true });
        var watch = Stopwatch.StartNew();
        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = $"{target.Given}:{name}",
            RestoredItems = 1,
            RestoredRows = table.Rows,
        };
        var isNew = !File.Exists(target.File) && options.Destination is not null;
        if (isNew && options.DryRun)
        {
            return result;
        }

        try
        {
            if (isNew)
            {
                Directory.CreateDirectory(Path.GetDirectoryName(target.File)!);
                foreach (var kept in SqliteSwap.KeepLogs(target.File, target.File, repository.Time.GetUtcNow()))
                {
                    sink.Warn(SqliteSwap.WordsOfKept(target.Given, kept));
                }

                DurableFiles.Default.Create(target.File).Dispose();
                target = SqliteRestoreTarget.Of(snapshot, options);
            }

            return RunInto(target, snapshot, options, table.Name, name, result, cancellation) with { Elapsed = watch.Elapsed };
        }
        catch (Exception e)
        {
            if (isNew)
            {
                RemoveNew(target.File);
            }

            throw e switch
            {
                SqliteException { SqliteErrorCode: SqliteNative.Interrupt } => new OperationCanceledException(cancellation),
                SqliteException s => SqliteConnections.Wrap(s, target.Given),
                _ when IoErrors.IsKnown(e) => IoErrors.Wrap(e, "restore into", target.Given),
                _ => e,
            };
        }
    }

    /// <summary>The exact name, or else the one that SQLite would take it for.</summary>
    private static TableCount Find(Snapshot snapshot, string name) =>
        snapshot.Tables.FirstOrDefault(t => t.Name == name)
        ?? snapshot.Tables.FirstOrDefault(t => SqlText.SameName(t.Name, name))
        ?? throw new MaintenanceException(ErrorCode.ItemNotFound, $"Snapshot {snapshot.ShortId} has no table '{name}'. It has: {string.Join(", ", snapshot.Tables.Select(t => t.Name))}.", name);

    private RestoreResult RunInto(SqliteRestoreTarget target, Snapshot snapshot, RestoreOptions options, string table, string name, RestoreResult result, CancellationToken cancellation)
    {
        var isEmpty = new FileInfo(target.File) is { Exists: true, Length: 0 };
        using var connection = isEmpty ? SqliteConnections.OpenAlone(target.File) : SqliteConnections.OpenBeside(target.File);
        connection.CancelOn(cancellation);
        _ = RefuseExisting(connection, name, target, options);
        if (options.DryRun)
        {
            return result;
        }

        using var scratch = ScratchFolder.Create(Path.GetDirectoryName(target.File)!);
        var copy = Path.Combine(scratch.Path, "snapshot.db");
        new SqliteImage(repository, sink).Write(snapshot.Id, repository.ReadManifest(snapshot.Id), copy, cancellation);
        var definition = new TableScratch(copy, connection, isEmpty).Prepare(table, name);
        connection.Execute($"ATTACH {SqlText.Literal(copy)} AS {TableCopy.Snapshot}");

        // The shadow tables of a virtual table are written; and rows that a check refuses now came past it before.
        raw.sqlite3_db_config(connection.Handle, Defensive, 0, out _);
        connection.Execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
        return Replace(connection, definition, target, snapshot, options, result, cancellation);
    }

    private RestoreResult Replace(SqliteConnection connection, TableDefinition definition, SqliteRestoreTarget target, Snapshot snapshot, RestoreOptions options, RestoreResult result, CancellationToken cancellation)
    {
        // The first safety snapshot can be long and keeps nobody out. Where something was committed after it, another one
        // is taken while writers wait.
        var version = Version(connection);
        var isSafe = options.NoSafetySnapshot || !RefuseExisting(connection, definition.Name, target, options);
        var safety = isSafe ? null : TakeSafety(snapshot, target, cancellation);
        connection.DefaultTimeout = LockWait.Turn;
        LockWait.For(target.Given, () => Do(connection, "BEGIN IMMEDIATE"), cancellation);
        target.RequireSame();
        if (RefuseExisting(connection, definition.Name, target, options) && !options.NoSafetySnapshot && (safety is null || Version(connection) != version))
        {
            safety = TakeSafety(snapshot, target, cancellation);
        }

        var copy = new TableCopy(connection, definition);
        var rows = copy.Run();
        if (options.Strict && copy.Unrestored.Count > 0)
        {
            throw new MaintenanceException(ErrorCode.RestoreIncomplete, $"Not all of '{definition.Name}' can be restored, so nothing was: {string.Join("; ", copy.Unrestored)}", definition.Name);
        }

        LockWait.For(target.Given, () => Do(connection, "COMMIT"), cancellation);
        return result with
        {
            RestoredRows = rows >= 0 ? rows : result.RestoredRows,
            SafetySnapshot = safety,
            Unrestored = copy.Unrestored,
            Warnings = [.. Warnings(connection, definition)],
        };
    }

    /// <summary>Whether a table of that name is there and will be replaced.</summary>
    private static bool RefuseExisting(SqliteConnection connection, string name, SqliteRestoreTarget target, RestoreOptions options)
    {
        if (LiveTable.OtherOf(connection, name) is { } kind)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target.Given}' has {(kind == "index" ? "an index" : $"a {kind}")} '{name}', which a table cannot replace. Give -As another name, or remove it first.", name);
        }

        var exists = LiveTable.Read(connection, name) is not null;
        return exists && !options.Force
            ? throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target.Given}' has a table '{name}'. Give -As another name, or -Force to replace it.", name)
            : exists;
    }

    private string TakeSafety(Snapshot snapshot, SqliteRestoreTarget target, CancellationToken cancellation)
    {
        var options = new BackupOptions { Source = SafetySource.Of(snapshot.Source), Tags = ["before-restore"] };
        return new SqliteBackup(repository, sink).Run(target.Given, options, cancellation).Id;
    }

    private static IEnumerable<string> Warnings(SqliteConnection connection, TableDefinition definition)
    {
        if (!definition.KeepsRowids)
        {
            yield return $"'{definition.Name}' has columns called rowid, _rowid_ and oid, so no statement can name its rows' numbers: they begin at 1 again.";
        }

        foreach (var warning in ForeignKeys.Broken(connection, definition.Name))
        {
            yield return warning;
        }
    }

    private static void RemoveNew(string file)
    {
        foreach (var suffix in RestoreFiles.Logs.Prepend(""))
        {
            try
            {
                DurableFiles.Default.Delete(file + suffix);
            }
            catch (Exception e) when (IoErrors.IsKnown(e))
            {
                // The failure that brought us here is the one to tell.
            }
        }
    }

    private static long Version(SqliteConnection connection) => connection.Scalar<long>("PRAGMA main.data_version");

    private static bool Do(SqliteConnection connection, string sql)
    {
        connection.Execute(sql);
        return true;
    }
}
