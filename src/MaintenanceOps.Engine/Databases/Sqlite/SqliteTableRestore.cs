using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Copies one table out of a snapshot into a live database, in one transaction.</summary>
internal sealed class SqliteTableRestore(Repository repository, IOperationSink sink)
{
    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        var table = options.Table!;
        var name = options.As ?? table;
        var target = Path.GetFullPath(options.Destination ?? snapshot.Origin);
        if (snapshot.Tables.All(t => !string.Equals(t.Name, table, StringComparison.OrdinalIgnoreCase)))
        {
            throw new MaintenanceException(ErrorCode.ItemNotFound, $"Snapshot {snapshot.ShortId} has no table '{table}'. It has: {string.Join(", ", snapshot.Tables.Select(t => t.Name))}.", table);
        }

        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = $"{target}:{name}",
            RestoredItems = 1,
        };
        var watch = Stopwatch.StartNew();
        try
        {
            using var connection = SqliteConnections.OpenBeside(target);
            connection.CancelOn(cancellation);
            RefuseExisting(connection, name, target, options);
            if (options.DryRun)
            {
                return result with { RestoredRows = snapshot.Tables.First(t => string.Equals(t.Name, table, StringComparison.OrdinalIgnoreCase)).Rows };
            }

            using var scratch = ScratchFolder.Create(Path.GetDirectoryName(target)!);
            var copy = Path.Combine(scratch.Path, "snapshot.db");
            new SqliteImage(repository, sink).Write(snapshot.Id, repository.ReadManifest(snapshot.Id), copy, cancellation);
            var definition = Rename(copy, table, name);
            connection.Execute($"ATTACH {Literal(copy)} AS mops_snapshot");
            var rows = Copy(connection, definition, name);
            return result with { RestoredRows = rows, Elapsed = watch.Elapsed };
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, target);
        }
    }

    private sealed record Definition(string Sql, IReadOnlyList<string> Columns, IReadOnlyList<string> Others);

    private static void RefuseExisting(SqliteConnection connection, string name, string target, RestoreOptions options)
    {
        var exists = SqliteInspection.TableNames(connection).Contains(name, StringComparer.OrdinalIgnoreCase);
        if (exists && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target}' has a table '{name}'. Give -As another name, or -Force to replace it.", name);
        }
    }

    /// <summary>
    /// Renames the table in the scratch copy, so that SQLite itself rewrites its definition, and reads that. Indexes and
    /// triggers come along only under the table's own name: under another one their names would be taken.
    /// </summary>
    private static Definition Rename(string copy, string table, string name)
    {
        using var scratch = SqliteConnections.OpenAlone(copy);
        scratch.Execute("PRAGMA journal_mode = DELETE; PRAGMA legacy_alter_table = ON; PRAGMA foreign_keys = OFF");
        var renamed = !string.Equals(table, name, StringComparison.OrdinalIgnoreCase);
        if (renamed)
        {
            scratch.Execute($"ALTER TABLE {SqliteConnections.Quote(table)} RENAME TO {SqliteConnections.Quote(name)}");
        }

        var sql = scratch.Column($"SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = {Literal(name)} COLLATE NOCASE", r => r.GetString(0))[0];
        if (sql.StartsWith("CREATE VIRTUAL", StringComparison.OrdinalIgnoreCase))
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, $"'{table}' is a virtual table, which cannot be copied alone. Restore the whole database beside the live one.", table);
        }

        // Column 6 of table_xinfo: generated columns (2 and 3) are computed, not copied.
        var columns = scratch.Column($"SELECT name FROM pragma_table_xinfo({Literal(name)}) WHERE hidden = 0", r => r.GetString(0));
        var others = renamed
            ? []
            : scratch.Column($"SELECT sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = {Literal(name)} COLLATE NOCASE AND sql IS NOT NULL", r => r.GetString(0));
        return new Definition(sql, columns, others);
    }

    private static long Copy(SqliteConnection connection, Definition definition, string name)
    {
        var quoted = SqliteConnections.Quote(name);
        var columns = string.Join(", ", definition.Columns.Select(SqliteConnections.Quote));
        connection.Execute("PRAGMA foreign_keys = OFF");
        using var transaction = connection.BeginTransaction();
        foreach (var sql in (string[])[$"DROP TABLE IF EXISTS main.{quoted}", definition.Sql, $"INSERT INTO main.{quoted} ({columns}) SELECT {columns} FROM mops_snapshot.{quoted}", .. definition.Others])
        {
            using var command = connection.CreateCommand();
            command.Transaction = transaction;
#pragma warning disable CA2100 // The definition is the database's own; names are quoted.
            command.CommandText = sql;
#pragma warning restore CA2100
            command.ExecuteNonQuery();
        }

        var rows = connection.Scalar<long>($"SELECT count(*) FROM main.{quoted}");
        var expected = connection.Scalar<long>($"SELECT count(*) FROM mops_snapshot.{quoted}");
        if (rows != expected)
        {
            throw new MaintenanceException(ErrorCode.VerificationFailed, $"{rows} rows of {expected} arrived in '{name}'; nothing was changed.", name);
        }

        transaction.Commit();
        return rows;
    }

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
