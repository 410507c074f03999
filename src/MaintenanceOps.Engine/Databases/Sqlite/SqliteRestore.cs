using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Brings a database back: to a new place, or in place as a transaction. In place means: safety snapshot, stage beside
/// the target, verify, one rename, verify again; whatever fails, the old state is there.
/// </summary>
internal sealed class SqliteRestore(Repository repository, IOperationSink sink)
{
    private readonly DurableFiles files = DurableFiles.Default;

    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        if (options.Include.Count > 0)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, "-Include is for files. Of a database, -Table restores one table.", snapshot.Id);
        }

        var target = TargetOf(snapshot, options);
        var replaces = File.Exists(target);
        if (replaces && !options.InPlace && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target}' exists. Give another destination, or -Force to replace it.", target);
        }

        if (replaces && !options.Force && DatabaseUsers.Of(target) is { Count: > 0 } users)
        {
            throw new MaintenanceException(
                ErrorCode.DestinationInUse,
                $"'{target}' is open in {string.Join(", ", users)}. Stop it first; with -Force it would go on writing into the old file.",
                target);
        }

        var watch = Stopwatch.StartNew();
        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = target,
            RestoredBytes = snapshot.Size,
            RestoredItems = 1,
        };
        if (options.DryRun)
        {
            FreeSpace.Require(target, snapshot.Size);
            return result;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            var warnings = new List<string>();
            var safety = replaces && !options.NoSafetySnapshot ? TakeSafetySnapshot(snapshot, target, warnings, cancellation) : null;
            Replace(snapshot, target, warnings, cancellation);
            return result with { SafetySnapshot = safety, Warnings = warnings, Elapsed = watch.Elapsed };
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "restore", target);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, target);
        }
    }

    private static string TargetOf(Snapshot snapshot, RestoreOptions options)
    {
        var target = options.Destination ?? (options.InPlace
            ? snapshot.Origin
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "Say where to: -Destination, or -InPlace for where it came from."));
        return Directory.Exists(target)
            ? Path.Combine(Path.GetFullPath(target), Path.GetFileName(snapshot.Origin))
            : Path.GetFullPath(target);
    }

    private string? TakeSafetySnapshot(Snapshot snapshot, string target, List<string> warnings, CancellationToken cancellation)
    {
        try
        {
            var options = new BackupOptions { Source = SafetySource.Of(snapshot.Source), Tags = ["before-restore"] };
            var safety = new SqliteBackup(repository, sink).Run(target, options, cancellation);
            return safety.Id;
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.DatabaseCorrupt or ErrorCode.NotADatabase or ErrorCode.DatabaseEmpty or ErrorCode.DatabaseError)
        {
            // What is being replaced is broken: that is why it is being replaced. Its bytes are kept all the same.
            var kept = $"{target}.before-restore-{repository.Time.GetUtcNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}";
            foreach (var (from, to) in new[] { (target, kept), (target + "-wal", kept + "-wal") })
            {
                if (File.Exists(from))
                {
                    File.Copy(from, to, overwrite: false);
                }
            }

            var warning = $"'{target}' is damaged, so it could not be snapshotted; its files were kept as '{kept}'.";
            warnings.Add(warning);
            sink.Warn(warning);
            return null;
        }
    }

    private void Replace(Snapshot snapshot, string target, List<string> warnings, CancellationToken cancellation)
    {
        var staged = StagedName(target, "new");
        var old = StagedName(target, "old");
        RemoveLeftovers(target);
        try
        {
            new SqliteImage(repository, sink).Write(snapshot.Id, repository.ReadManifest(snapshot.Id), staged, cancellation);
            SyncAndVerify(staged, snapshot, warnings, cancellation);
            cancellation.ThrowIfCancellationRequested();

            var replaces = File.Exists(target);
            if (replaces)
            {
                FileAttributesCopy.Apply(target, staged, warnings);
                Quiesce(target);
                KeepOld(target, old);
            }

            // The log of the old state must not be seen beside the new file: SQLite would bring old pages back.
            RemoveLogs(target);
            files.Rename(staged, target, overwrite: true);
            files.SyncDirectory(Path.GetDirectoryName(target)!);
            try
            {
                // The same file, checked a moment ago; what could have changed is what SQLite finds beside it.
                VerifySchema(target, snapshot);
            }
            catch when (replaces)
            {
                RemoveLogs(target);
                files.Rename(old, target, overwrite: true);
                files.SyncDirectory(Path.GetDirectoryName(target)!);
                throw;
            }
        }
        finally
        {
            foreach (var left in new[] { staged, staged + "-wal", staged + "-shm", staged + "-journal", old })
            {
                Discard(left);
            }
        }
    }

    private static string StagedName(string target, string part) =>
        Path.Combine(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.mops-restore-{Environment.ProcessId}.{part}");

    /// <summary>What a killed restore left beside the target. The target itself is whole: it changes by one rename.</summary>
    private void RemoveLeftovers(string target)
    {
        foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.mops-restore-*").ToList())
        {
            files.Delete(file);
        }
    }

    /// <summary>
    /// Moves the log's content into the old file, so that the old state is one file and can be brought back whole.
    /// A database that is too broken for that has been copied with its log already.
    /// </summary>
    private static void Quiesce(string target)
    {
        try
        {
            using var connection = SqliteConnections.OpenAlone(target);
            connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (Exception e) when (e is SqliteException || (e is MaintenanceException m && m.Code is not ErrorCode.DatabaseBusy))
        {
            return;
        }
    }

    private void KeepOld(string target, string old)
    {
        if (!files.TryLink(target, old))
        {
            throw new IOException($"'{old}' appeared while '{target}' was being restored. Does another restore run?");
        }

        if (!File.Exists(target))
        {
            // Windows moves instead of linking: put it back as a copy, so that the target is never missing.
            File.Copy(old, target);
        }
    }

    /// <summary>Tidies up. It must not make a failure of a restore that succeeded; the next restore removes what stays.</summary>
    private void Discard(string path)
    {
        try
        {
            files.Delete(path);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            sink.Inform($"'{path}' could not be removed: {e.Message}");
        }
    }

    private void RemoveLogs(string database)
    {
        foreach (var suffix in new[] { "-wal", "-shm", "-journal" })
        {
            files.Delete(database + suffix);
        }
    }

    /// <summary>The disk and the processor each have something to do: one makes the file durable, the other checks it.</summary>
    private void SyncAndVerify(string path, Snapshot snapshot, List<string> warnings, CancellationToken cancellation)
    {
        var durable = Task.Run(() =>
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            files.Sync(file);
        }, CancellationToken.None);
        try
        {
            Verify(path, snapshot, warnings, cancellation);
        }
        finally
        {
            durable.GetAwaiter().GetResult();
        }

        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    private static void Verify(string path, Snapshot snapshot, List<string> warnings, CancellationToken cancellation)
    {
        using var connection = SqliteConnections.OpenAlone(path);
        connection.CancelOn(cancellation);
        var integrity = SqliteInspection.QuickCheck(connection);
        if (integrity != "ok" && snapshot.Verified != VerificationLevel.None)
        {
            throw Failed(path, integrity);
        }

        if (integrity != "ok")
        {
            // It was taken for salvage, unchecked; it comes back as it was, and that is said.
            warnings.Add($"The restored database fails its integrity check, as it did when it was taken without one: {integrity}");
        }

        VerifySchema(connection, path, snapshot);
    }

    private static void VerifySchema(string path, Snapshot snapshot)
    {
        using var connection = SqliteConnections.OpenAlone(path);
        VerifySchema(connection, path, snapshot);
    }

    private static void VerifySchema(SqliteConnection connection, string path, Snapshot snapshot)
    {
        if (SqliteInspection.SchemaHash(connection) != snapshot.SchemaHash)
        {
            throw Failed(path, "its schema differs from the recorded one");
        }
    }

    private static MaintenanceException Failed(string path, string why) =>
        new(ErrorCode.VerificationFailed, $"The restored database does not pass: {why}. The old state was left as it was.", path);
}
