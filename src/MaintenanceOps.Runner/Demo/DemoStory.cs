using System.Diagnostics;
using System.Security.Cryptography;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Runner.Demo;

/// <summary>
/// A day in the life of an application, in some seconds: every step is the engine's real work on real files, and every
/// figure is measured while it happens.
/// </summary>
internal sealed class DemoStory(string folder, RunnerContext context)
{
    public const string RepositoryName = "repository";
    private const string DatabaseSource = "notes/main";
    private const string FilesSource = "notes/files";
    private const int ChangedNotes = 200;

    private readonly List<string> wrong = [];

    public DemoResult Run()
    {
        try
        {
            return Tell();
        }
        catch (SqliteException e)
        {
            throw new MaintenanceException(ErrorCode.DatabaseError, $"The demo's application failed: {e.Message}", folder, e);
        }
    }

    private DemoResult Tell()
    {
        var watch = Stopwatch.StartNew();
        using var application = new NotesApplication(Path.Combine(folder, "notes"));
        application.Build(context.Cancellation);
        application.StartWriting();
        Say("1. A notes application", $"{application.Count("notes"):N0} notes in SQLite (WAL), config/, 40 uploads; a writer commits all the time.");

        using var repository = Repository.Create(Path.Combine(folder, RepositoryName), null);
        var first = BackUp(repository, application);
        Say(
            "2. First backup, beside the writer",
            Stored("database", first.Database),
            Stored("files", first.Files));

        var changed = application.ChangeNotes(ChangedNotes);
        application.AddUpload("2026/new-picture.jpg", 80_000, new Random(2));
        var before = application.Count("visits");
        var second = BackUp(repository, application);
        var after = application.Count("visits");
        Say(
            $"3. {changed:N0} notes edited, one upload added, second backup",
            Stored("database", second.Database),
            Stored("files", second.Files));

        var uploads = Fingerprint(application);
        var destroyed = application.DestroyNotes();
        Directory.Delete(application.Uploads, recursive: true);
        Say("4. Disaster", $"DELETE FROM notes: {destroyed:N0} rows gone, {application.Count("notes"):N0} left. rm -r uploads/.");

        var drill = Prove(repository, second.Database);
        var (restore, rows) = Restore(repository, application, second);
        var expected = RowsIn(second.Database, "notes");
        var visits = RowsIn(second.Database, "visits");
        Check(drill.Passed, "the drill did not pass");
        Check(destroyed == expected, $"{destroyed} notes were destroyed, but the snapshot has {expected}");
        Check(rows == expected, $"{rows} notes came back instead of {expected}");
        Check(visits >= before && visits <= after, $"the snapshot has {visits} visits, which the application had at no moment of the backup ({before} to {after})");
        Check(application.Count("visits") == visits, "the visits that came back are not those of the snapshot");
        Check(application.Integrity() == "ok", "SQLite's integrity check complains");
        Check(Fingerprint(application) == uploads, "the uploads differ from those that were lost");

        Compare(repository, first, second);
        var state = new SqliteBackup(repository, context.Sink).Run(application.Database, Options(DatabaseSource), context.Cancellation);
        Check(new SnapshotComparison(repository, context.Sink).Run(second.Database, state, context.Cancellation).Count == 0, "the restored database differs from the snapshot");

        var result = new DemoResult
        {
            Folder = folder,
            DatabaseSize = second.Database.Size,
            FirstStored = first.Database.StoredSize + first.Files.StoredSize,
            SecondStored = second.Database.StoredSize + second.Files.StoredSize,
            RowsInSnapshot = expected,
            RowsDestroyed = destroyed,
            RowsRestored = rows,
            RowsWrittenMeanwhile = application.Written,
            DrillPassed = drill.Passed,
            DrillElapsed = drill.Elapsed,
            RestoreElapsed = restore.Elapsed,
            Passed = wrong.Count == 0,
            Elapsed = watch.Elapsed,
        };
        Say(
            result.Passed ? "All is well" : "SOMETHING IS WRONG",
            result.Passed
                ? $"{rows:N0} of {expected:N0} notes and every upload are back; nothing differs from the snapshot. {result.Elapsed.TotalSeconds:0.0} s in all."
                : string.Join("; ", wrong) + ".");
        return result;
    }

    private (Snapshot Database, Snapshot Files) BackUp(Repository repository, NotesApplication application)
    {
        var database = new SqliteBackup(repository, context.Sink).Run(application.Database, Options(DatabaseSource), context.Cancellation);
        var files = new FileBackup(repository, context.Sink).Run(
            new FileBackupOptions { Paths = [application.Configuration, application.Uploads] },
            Options(FilesSource),
            context.Cancellation);
        return (database, files);
    }

    private SnapshotTest Prove(Repository repository, Snapshot snapshot)
    {
        var options = new ProofOptions { Level = VerificationLevel.Restore, Assert = ["SELECT count(*) > 0 FROM notes"], ScratchFolder = folder };
        var test = new SnapshotProof(repository, context.Sink).Run(snapshot, options, context.Cancellation);
        Say(
            $"5. A drill proves snapshot {snapshot.ShortId} before it is needed",
            $"{(test.Passed ? "passed" : "FAILED")}: restored to a scratch place in {Tables.Elapsed(test.Elapsed)}, integrity {test.Integrity}, {test.Rows:N0} rows as recorded.");
        return test;
    }

    private (RestoreResult Database, long Rows) Restore(Repository repository, NotesApplication application, (Snapshot Database, Snapshot Files) snapshots)
    {
        application.StopWriting();
        var restore = new SnapshotRestore(repository, context.Sink);
        var database = restore.Run(snapshots.Database, new RestoreOptions { InPlace = true }, context.Cancellation);
        var files = restore.Run(snapshots.Files, new RestoreOptions { InPlace = true }, context.Cancellation);
        var rows = application.Count("notes");
        Say(
            "6. The application stops; database and files are restored in place",
            $"{rows:N0} notes are back in {Tables.Elapsed(database.Elapsed)} ({ByteSize.Format(database.RestoredBytes)}), {files.RestoredItems:N0} files and folders in {Tables.Elapsed(files.Elapsed)}.",
            $"The destroyed state was kept as snapshot {database.SafetySnapshot?[..8]}, should anybody want it.");
        return (database, rows);
    }

    private void Compare(Repository repository, (Snapshot Database, Snapshot Files) first, (Snapshot Database, Snapshot Files) second)
    {
        var comparison = new SnapshotComparison(repository, context.Sink);
        var tables = comparison.Run(first.Database, second.Database, context.Cancellation);
        var files = comparison.Run(first.Files, second.Files, context.Cancellation);
        Check(tables.Any(t => t is { Path: "notes", RowsChanged: ChangedNotes, RowsAdded: 0, RowsRemoved: 0 }), $"the comparison does not show {ChangedNotes} changed notes");
        Check(files.Any(f => f is { Change: DifferenceKind.Added, Path: var path } && path.EndsWith("new-picture.jpg", StringComparison.Ordinal)), "the comparison does not show the new upload");
        Say(
            "7. What changed between the two backups",
            [
                .. tables.Select(t => $"table {t.Path}: {t.RowsAdded:N0} rows added, {t.RowsChanged:N0} changed, {t.RowsRemoved:N0} removed"),
                .. files.Where(f => f.ItemKind == SnapshotItemKind.File).Select(f => $"file {f.Path}: {f.Change.ToString().ToLowerInvariant()}"),
            ]);
    }

    private static BackupOptions Options(string source) => new() { Source = source };

    private static long RowsIn(Snapshot snapshot, string table) => snapshot.Tables.First(t => t.Name == table).Rows;

    private static string Stored(string what, Snapshot snapshot) =>
        $"{what + ":",-10}{ByteSize.Format(snapshot.Size),9} stored as {ByteSize.Format(snapshot.StoredSize),9} ({Tables.Share(snapshot.StoredSize, snapshot.Size)}) in {Tables.Elapsed(snapshot.Elapsed)}, snapshot {snapshot.ShortId}";

    /// <summary>All uploads, names and bytes, as one hash.</summary>
    private static string Fingerprint(NotesApplication application)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Directory.EnumerateFiles(application.Uploads, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(file));
            hash.AppendData(File.ReadAllBytes(file));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            wrong.Add(otherwise);
        }
    }

    private void Say(string heading, params string[] lines)
    {
        context.Cancellation.ThrowIfCancellationRequested();
        context.Output.Text([heading, .. lines.Select(l => $"   {l}"), ""]);
        context.Output.Flush();
    }
}
