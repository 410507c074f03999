using System.Diagnostics;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Brings a database back: to a new place, or in place as a transaction. In place means: safety snapshot, stage beside
/// the target, verify, hold writers out, one rename, verify again; whatever fails, the old state is there. What another
/// process commits meanwhile is in the safety snapshot.
/// </summary>
internal sealed class SqliteRestore(Repository repository, IOperationSink sink)
{
    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        SqliteRestoreTarget.RefuseOtherKinds(snapshot, options);
        var target = SqliteRestoreTarget.Of(snapshot, options);
        var replaces = File.Exists(target.File);
        if (replaces && !options.InPlace && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target.Given}' exists. Give another destination, or -Force to replace it.", target.Given);
        }

        if (!options.Force)
        {
            RefuseUsers(DatabaseUsers.OfAnyone(target.File, deletedToo: true), target.Given);
        }

        var watch = Stopwatch.StartNew();
        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = target.Given,
            RestoredBytes = snapshot.Size,
            RestoredItems = 1,
        };
        if (options.DryRun)
        {
            FreeSpace.Require(target.File, snapshot.Size);
            return result;
        }

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(target.File)!);
            var warnings = new List<string>();
            var safety = new SafetyCopy(repository, sink, snapshot, target, warnings);
            using var live = replaces ? safety.Watch(take: !options.NoSafetySnapshot, cancellation) : null;
            Replace(snapshot, options, target, safety, live, warnings, cancellation);
            return result with { SafetySnapshot = safety.Id, Warnings = warnings, Elapsed = watch.Elapsed };
        }
        catch (IOException e) when (OperatingSystem.IsLinux() && e.HResult is LinuxCalls.Busy or LinuxCalls.OtherVolume)
        {
            throw TreeSwap.MountInTheWay(target.File, e);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "restore", target.File);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, target.File);
        }
    }

    private void Replace(Snapshot snapshot, RestoreOptions options, SqliteRestoreTarget target, SafetyCopy safety, CommitWatch? live, List<string> warnings, CancellationToken cancellation)
    {
        var place = new RestoreFiles(target.File, sink);
        place.RemoveLeftovers();
        var swap = new SqliteSwap(target.File, place, repository.Time.GetUtcNow());
        try
        {
            var manifest = repository.ReadManifest(snapshot.Id);
            new SqliteImage(repository, sink).Write(snapshot.Id, manifest, place.Staged, cancellation);
            SyncAndVerify(place.Staged, snapshot, warnings, cancellation);
            if (live is not null)
            {
                FileAttributesCopy.Apply(target.File, place.Staged, warnings);
                live.HoldWriters(cancellation);
                safety.TakeAgainIfChanged(live, cancellation);
            }
            else if (options is { InPlace: true, Destination: null })
            {
                DatabaseOwner.Give(place.Staged, manifest.Sqlite, warnings);
            }

            cancellation.ThrowIfCancellationRequested();
            target.RequireSame();
            if (live is not null && !options.Force)
            {
                RefuseUsers(DatabaseUsers.Of(target.File), target.Given);
            }

            if (OperatingSystem.IsWindows())
            {
                // Windows moves no file that is open; nobody else can have it open there.
                live?.Dispose();
            }

            swap.Run(() => CheckPlaced(target, place, snapshot, options, live is not null, warnings));
            warnings.AddRange(swap.KeepLogs().Select(k => SqliteSwap.WordsOfKept(target.Given, k)));
        }
        finally
        {
            place.Discard(oldToo: !swap.OldIsNeeded);
        }
    }

    /// <summary>The file was checked a moment ago; what could have changed is what SQLite finds beside it, and who has the old one.</summary>
    private static void CheckPlaced(SqliteRestoreTarget target, RestoreFiles place, Snapshot snapshot, RestoreOptions options, bool replaced, List<string> warnings)
    {
        VerifySchema(target.File, snapshot);
        if (!replaced)
        {
            return;
        }

        if (!options.Force)
        {
            // Opened between the last look and the rename: so far it could only read, for the write lock is ours.
            RefuseUsers(DatabaseUsers.Of(place.Old), target.Given);
        }
        else if (DatabaseUsers.Of(place.Old) is { Count: > 0 } users)
        {
            warnings.Add($"{string.Join(", ", users)} still {(users.Count == 1 ? "has" : "have")} the old file of '{target.Given}' open and {(users.Count == 1 ? "does" : "do")} not see the restored one. Restart it: what it writes until then is lost.");
        }
    }

    private static void RefuseUsers(IReadOnlyList<string> users, string name)
    {
        if (users.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.DestinationInUse,
                $"'{name}' is open in {string.Join(", ", users)}. Stop it first; with -Force it would go on writing into the old file.",
                name);
        }
    }

    /// <summary>The disk and the processor each have something to do: one makes the file durable, the other checks it.</summary>
    private static void SyncAndVerify(string path, Snapshot snapshot, List<string> warnings, CancellationToken cancellation)
    {
        var files = DurableFiles.Default;
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
