using System.Formats.Tar;
using System.IO.Compression;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Writes a snapshot as something that needs no MaintenanceOps: a plain database, a folder, or a <c>.tar.gz</c>.</summary>
public sealed class SnapshotExport(Repository repository, IOperationSink sink)
{
    /// <summary>Exports a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="destination">A file or folder that does not exist; a name that ends in <c>.tar.gz</c> or <c>.tgz</c> makes an archive.</param>
    /// <param name="force">Replaces what is there.</param>
    /// <param name="cancellation">Ends the export; nothing half-written stays.</param>
    /// <returns>The path that was written.</returns>
    /// <exception cref="MaintenanceException">As for a restore.</exception>
    public string Run(Snapshot snapshot, string destination, bool force = false, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        destination = Path.GetFullPath(destination);
        RepositoryPlace.RefuseAsDestination(repository, destination);
        if (OtherArchives.Any(e => destination.EndsWith(e, StringComparison.OrdinalIgnoreCase)))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{destination}' names an archive of a kind that is not written here. Give a name that ends in .tar.gz, or a folder.", destination);
        }

        if (!IsArchive(destination))
        {
            var options = new RestoreOptions { Destination = destination, Force = force, NoSafetySnapshot = true };
            return new SnapshotRestore(repository, sink).Run(snapshot, options, cancellation).Destination;
        }

        if (File.Exists(destination) && !force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{destination}' exists. Give another name, or -Force to replace it.", destination);
        }

        try
        {
            WriteArchive(snapshot, destination, force, cancellation);
            return destination;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "write", destination);
        }
    }

    private static readonly string[] OtherArchives = [".zip", ".tar", ".7z", ".tar.xz", ".tar.bz2", ".tar.zst"];

    private static bool IsArchive(string path) =>
        path.EndsWith(".tar.gz", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".tgz", StringComparison.OrdinalIgnoreCase);

    /// <summary>Writes the archive under a scratch folder beside its place, and gives it its name at the end.</summary>
    private void WriteArchive(Snapshot snapshot, string destination, bool force, CancellationToken cancellation)
    {
        var folder = Path.GetDirectoryName(destination)!;
        using var scratch = ScratchFolder.Create(folder);
        var archive = Path.Combine(scratch.Path, "archive");
        var files = DurableFiles.Default;
        using (var handle = files.Create(archive))
        {
            using (var file = new FileStream(handle, FileAccess.Write))
            {
                using (var zipped = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true))
                {
                    WriteContent(snapshot, zipped, scratch, force, cancellation);
                }

                file.Flush(flushToDisk: true);
            }
        }

        cancellation.ThrowIfCancellationRequested();
        files.Rename(archive, destination, overwrite: true);
        files.SyncDirectory(folder);
    }

    /// <summary>
    /// Files go from the repository into the archive with all that it can hold. A database is restored beside it first, for a
    /// restore makes it whole, and then packed.
    /// </summary>
    private void WriteContent(Snapshot snapshot, Stream output, ScratchFolder scratch, bool force, CancellationToken cancellation)
    {
        if (snapshot.Kind is SnapshotKind.Files or SnapshotKind.PostgresLogical)
        {
            SnapshotRestore.RequireUndamaged(snapshot, force);
            using var lease = repository.ShareForReading($"export of {snapshot.Source}", cancellation);
            new TreeArchive(repository, sink).Write(snapshot, output, cancellation);
            return;
        }

        FreeSpace.Require(scratch.Path, snapshot.Size);
        var content = Path.Combine(scratch.Path, "content");
        if (!snapshot.Kind.HasListing())
        {
            Directory.CreateDirectory(content);
        }

        new SnapshotRestore(repository, sink).Run(snapshot, new RestoreOptions { Destination = content, Force = force }, cancellation);
        TarFile.CreateFromDirectory(content, output, includeBaseDirectory: false);
    }
}
