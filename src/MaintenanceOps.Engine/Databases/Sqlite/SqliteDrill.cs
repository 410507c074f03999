using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Restores a database into a scratch folder, opens it there, and asks it everything that can be known.</summary>
internal sealed class SqliteDrill(Repository repository, IOperationSink sink)
{
    public void Run(Snapshot snapshot, Manifest manifest, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation) =>
        new SqliteContent(repository, sink).Restore(snapshot, manifest, options, path =>
        {
            if (SqliteContent.Check(path, snapshot, drill, cancellation))
            {
                // A connection of its own: the one that checked knows no virtual tables any more.
                using var connection = SqliteConnections.OpenAlone(path);
                connection.CancelOn(cancellation);
                Ask(connection, snapshot, options, drill, cancellation);
            }
        }, cancellation);

    private static void Ask(SqliteConnection connection, Snapshot snapshot, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        foreach (var (table, parent, broken) in SqliteInspection.ForeignKeyCheck(connection))
        {
            // The application broke these, not the backup; a snapshot is as good as the database was.
            drill.Fail("ForeignKeyBroken", $"{broken} rows of '{table}' point to rows of '{parent}' that do not exist.", snapshot, table, FindingSeverity.Warning);
        }

        CompareRows(SqliteInspection.CountRows(connection, cancellation), snapshot, drill);
        foreach (var sql in options.Assert)
        {
            cancellation.ThrowIfCancellationRequested();
            CheckAssertion(connection, sql, snapshot, drill);
        }
    }

    private static void CompareRows(TableCount[] counted, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        drill.Rows = counted.Where(t => t.Rows > 0).Sum(t => t.Rows);
        var recorded = snapshot.Tables.ToDictionary(t => t.Name, t => t.Rows);
        foreach (var table in counted)
        {
            if (!recorded.Remove(table.Name, out var rows))
            {
                drill.Fail("TableUnexpected", $"The restored database has a table '{table.Name}' that was not recorded.", snapshot, table.Name);
            }
            else if (rows >= 0 && table.Rows >= 0 && rows != table.Rows)
            {
                drill.Fail("RowCountDiffers", $"'{table.Name}' has {table.Rows} rows after the restore and had {rows} when the snapshot was taken.", snapshot, table.Name);
            }
        }

        foreach (var (name, rows) in recorded)
        {
            drill.Fail("TableMissing", $"'{name}' with {rows} rows is missing after the restore.", snapshot, name);
        }
    }

    private static void CheckAssertion(SqliteConnection connection, string sql, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        try
        {
            using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The user's own SQL, on a scratch copy.
            command.CommandText = sql;
#pragma warning restore CA2100
            using var reader = command.ExecuteReader();
            AssertedValue.Check(sql, SqlAnswer.FirstOfEach(reader), snapshot, drill);
        }
        catch (SqliteException e) when (e.SqliteErrorCode != SqliteNative.Interrupt)
        {
            // The question is wrong, which says nothing about the snapshot; nor does an interrupted one.
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{sql}' cannot be asked: {e.Message} Nothing was recorded.", sql, e);
        }
    }
}
