using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>A snapshot's content in a scratch folder, to be looked at by SQLite.</summary>
internal sealed class SqliteContent(Repository repository, IOperationSink sink)
{
    /// <summary>Reads every byte, and lets SQLite check what comes out.</summary>
    public void Check(Snapshot snapshot, Manifest manifest, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation) =>
        Restore(snapshot, manifest, options, path => Check(path, snapshot, drill, cancellation), cancellation);

    /// <summary>Writes the content into a scratch folder, compares it with its hash, and hands it on.</summary>
    /// <exception cref="MaintenanceException">It is damaged, or cannot be read as a database; or there is no room.</exception>
    public void Restore(Snapshot snapshot, Manifest manifest, ProofOptions options, Action<string> look, CancellationToken cancellation)
    {
        using var scratch = ScratchFolder.Create(options.ScratchFolder);
        var path = Path.Combine(scratch.Path, "drill.db");
        new SqliteImage(repository, sink).Write(snapshot.Id, manifest, path, cancellation);
        try
        {
            look(path);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, path);
        }
    }

    /// <summary>Checks a database that nobody else uses; false where it fails.</summary>
    public static bool Check(string path, Snapshot snapshot, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var connection = SqliteConnections.OpenAlone(path);
        connection.CancelOn(cancellation);
        var found = SqliteCheck.Run(connection, thorough: true);
        drill.Integrity = found.Integrity;
        foreach (var gap in found.Unchecked)
        {
            drill.Gap(gap, snapshot);
        }

        if (found.Integrity != "ok")
        {
            drill.Fail("IntegrityCheckFailed", $"The restored database fails its integrity check: {found.Integrity}", snapshot);
        }

        return found.Integrity == "ok";
    }
}
