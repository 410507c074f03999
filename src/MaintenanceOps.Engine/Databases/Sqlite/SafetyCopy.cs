using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Keeps the state that a restore replaces, with everything that was committed until the moment of the swap.</summary>
internal sealed class SafetyCopy(Repository repository, IOperationSink sink, Snapshot snapshot, SqliteRestoreTarget target, List<string> warnings)
{
    private bool isTaken;

    /// <summary>The newest safety snapshot; null where none was taken.</summary>
    public string? Id { get; private set; }

    /// <summary>Begins to watch the database for commits, and takes the first safety snapshot, which can be long.</summary>
    public CommitWatch Watch(bool take, CancellationToken cancellation)
    {
        var watch = CommitWatch.On(target.File, cancellation);
        try
        {
            if (take)
            {
                Take(cancellation);
            }

            return watch;
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.DatabaseCorrupt or ErrorCode.NotADatabase or ErrorCode.DatabaseEmpty or ErrorCode.DatabaseError)
        {
            // What is being replaced is broken: that is why it is being replaced. Its bytes are kept all the same. Copying
            // opens and closes the file, which would drop the locks of a connection, so there is none meanwhile.
            watch.Dispose();
            KeepBytes();
            return CommitWatch.On(target.File, cancellation);
        }
        catch
        {
            watch.Dispose();
            throw;
        }
    }

    /// <summary>While writers are held out: takes another snapshot where something was committed since the first one.</summary>
    public void TakeAgainIfChanged(CommitWatch watch, CancellationToken cancellation)
    {
        if (isTaken && watch.Changed())
        {
            sink.Inform($"'{target.Given}' was written after its safety snapshot, so another one is taken.");
            Take(cancellation);
        }
    }

    private void Take(CancellationToken cancellation)
    {
        var options = new BackupOptions { Source = SafetySource.Of(snapshot.Source), Tags = ["before-restore"] };
        Id = new SqliteBackup(repository, sink).Run(target.Given, options, cancellation).Id;
        isTaken = true;
    }

    private void KeepBytes()
    {
        var kept = SqliteSwap.NameFor(target.File, repository.Time.GetUtcNow());
        foreach (var suffix in RestoreFiles.Logs.Prepend("").Where(s => s != "-shm" && File.Exists(target.File + s)))
        {
            File.Copy(target.File + suffix, kept + suffix, overwrite: false);
            using var copy = File.OpenHandle(kept + suffix, FileMode.Open, FileAccess.ReadWrite);
            DurableFiles.Default.Sync(copy);
        }

        DurableFiles.Default.SyncDirectory(Path.GetDirectoryName(kept)!);
        var warning = $"'{target.Given}' is damaged, so it could not be snapshotted; its files were kept as '{kept}'.";
        warnings.Add(warning);
        sink.Warn(warning);
    }
}
