using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>Takes a snapshot of files and folders.</summary>
public sealed class FileBackup(Repository repository, IOperationSink sink)
{
    /// <summary>The note on a database inside a tree, for people.</summary>
    internal const string DatabaseNote = "SQLite database, read in one transaction";

    /// <summary>A change this close to the parent's moment may hide behind a coarse time stamp.</summary>
    private static readonly TimeSpan TimeGrain = TimeSpan.FromSeconds(3);

    /// <summary>Backs up the paths as one snapshot.</summary>
    /// <param name="what">The paths and patterns. A path that is a symbolic link stands for what it leads to.</param>
    /// <param name="options">Name and tags.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>
    /// The committed snapshot. What could not be read is named in <see cref="Snapshot.Missing"/>, and makes it
    /// <see cref="SnapshotState.Incomplete"/>; what changed or vanished while it was read is in its warnings.
    /// </returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.PathNotFound"/> or <see cref="ErrorCode.AccessDenied"/>: a path that was asked for is not there or
    /// cannot be read at all. <see cref="ErrorCode.InvalidArgument"/>: it is a pipe, a socket or a device, or a pattern is wrong.
    /// Or the repository fails.
    /// </exception>
    public Snapshot Run(FileBackupOptions what, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(what);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        return Run(TreeRoots.Of(what.Paths), what, options, cancellation);
    }

    /// <summary>Backs up roots as they are: one that is a link is taken as a link.</summary>
    internal Snapshot Run(TreeRoots roots, FileBackupOptions what, BackupOptions options, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var exclude = new PathFilter([.. what.ExcludeFrom.SelectMany(PathFilter.ReadPatterns), .. what.Exclude], roots);
        using var lease = repository.Share($"backup of {options.Source}", cancellation);
        var catalog = new SnapshotCatalog(repository);
        RefuseLostDatabase(catalog.Parent(options.Source, SnapshotKind.Sqlite)?.Manifest, roots);
        var parent = catalog.Parent(options.Source, SnapshotKind.Files);
        var taken = repository.Time.GetUtcNow();

        using var blocks = new BlockWriter(repository, cancellation);
        using var listing = new ListingWriter(blocks);
        var findings = new TreeFindings(sink);
        var content = new ContentReader(listing, what.Reread ? null : OpenParent(parent, cancellation), findings, sink, options, cancellation);
        var walk = new TreeWalk(roots, exclude, listing, content, findings, sink);
        walk.Run(repository.Store.IsRemote ? null : repository.Location, cancellation);
        TellOfPatterns(exclude, walk, listing, findings);

        var (listingBlocks, digests) = listing.Finish(cancellation);
        var (map, mapStored) = repository.StoreMap(Listing.WriteMap(listingBlocks));
        lease.Assert();
        var manifest = Manifest.Of(SnapshotKind.Files, options, taken, parent?.Id, catalog.NextNumber(options.Source)) with
        {
            Format = listing.IsExtended ? 2 : 1,
            ElapsedSeconds = watch.Elapsed.TotalSeconds,
            Origin = PathCodec.Display(roots.Origin),
            Size = content.Bytes,
            StoredSize = blocks.StoredSize + mapStored,
            ContentHash = ContentHash.Of(digests),
            Map = map,
            Verified = VerificationLevel.Quick,
            MissingCount = findings.MissingCount,
            Missing = [.. findings.Missing],
            Unchecked = [.. findings.Unchecked],
            Warnings = [.. findings.Warnings],
            FileCount = listing.Count,
        };
        var id = repository.Commit(manifest, cancellation);
        sink.Progress($"Backing up {options.Source}", content.Bytes, content.Bytes);
        return catalog.Describe(id, manifest);
    }

    /// <summary>A database whose first page was overwritten looks like any file. Taken as one, its snapshots would push out the good ones.</summary>
    private static void RefuseLostDatabase(Manifest? database, TreeRoots roots)
    {
        if (database is not null && roots.Roots.Any(r => r.Real == database.Origin) && (Directory.Exists(database.Origin) || !SqliteBackup.LooksLikeDatabase(database.Origin)))
        {
            throw new MaintenanceException(
                ErrorCode.NotADatabase,
                $"'{database.Origin}' was a SQLite database when '{database.Source}' was backed up before, and is none now. No snapshot was taken. If it was damaged or removed, restore it; if something else is meant, give another -Source.",
                database.Origin);
        }
    }

    private void TellOfPatterns(PathFilter exclude, TreeWalk walk, ListingWriter listing, TreeFindings findings)
    {
        if (walk.Excluded > 0 && listing.Count <= 1)
        {
            findings.Warn("Everything was left out by the patterns: the snapshot is empty.");
        }

        if (exclude.Unused is { Count: > 0 } unused)
        {
            sink.Warn($"{(unused.Count == 1 ? "An exclude pattern fits" : $"{unused.Count} exclude patterns fit")} nothing that was looked at: {string.Join(", ", unused.Take(5).Select(p => $"'{(p.Any(char.IsControl) ? PathCodec.Display(p) : p)}'"))}{(unused.Count > 5 ? ", …" : "")}");
        }

        findings.Close();
    }

    private ParentListing? OpenParent((string Id, Manifest Manifest)? parent, CancellationToken cancellation)
    {
        try
        {
            return parent is { } p
                ? new ParentListing(repository.Index, Listing.Entries(Listing.Read(repository, p.Id, p.Manifest, cancellation)), p.Manifest, TimeGrain)
                : null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            sink.Warn($"The previous snapshot cannot be compared with, so every file is read: {e.Message}");
            return null;
        }
    }
}
