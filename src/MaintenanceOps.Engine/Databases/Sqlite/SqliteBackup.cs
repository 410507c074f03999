using System.Diagnostics;
using Microsoft.Data.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Takes a snapshot of a live SQLite database.</summary>
public sealed class SqliteBackup(Repository repository, IOperationSink sink)
{
    /// <summary>Blocks below this size would cost more in the map than they save in the packs.</summary>
    private const int MinBlock = 4096;

    /// <summary>Above this many blocks a map takes too much memory, and a block becomes a multiple of a page.</summary>
    private const long MaxBlocks = 2_000_000;

    /// <summary>
    /// Whether a file is a SQLite database, as its first bytes say; an empty one that is named like a database counts, and so
    /// does one that cannot be read: the backup says why. Pipes and devices are not opened.
    /// </summary>
    /// <param name="path">A file that exists. No connection of this process has it open.</param>
    public static bool LooksLikeDatabase(string path)
    {
        try
        {
            if (SourceFiles.Of(path).Database is { } facts && facts.Kind.IsSpecial())
            {
                return false;
            }

            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Span<byte> start = stackalloc byte[16];
            var read = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            return read == 0 ? Path.GetExtension(path) is ".db" or ".sqlite" or ".sqlite3" : start[..read].SequenceEqual("SQLite format 3\0"u8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or MaintenanceException)
        {
            return true;
        }
    }

    /// <summary>Backs up one database.</summary>
    /// <param name="path">The database file.</param>
    /// <param name="options">Name, tags and how careful to be.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>The committed snapshot.</returns>
    /// <exception cref="MaintenanceException">
    /// The source cannot be taken: <see cref="ErrorCode.PathNotFound"/>, <see cref="ErrorCode.NotADatabase"/>,
    /// <see cref="ErrorCode.DatabaseEmpty"/>, <see cref="ErrorCode.DatabaseBusy"/>, <see cref="ErrorCode.DatabaseCorrupt"/>,
    /// <see cref="ErrorCode.AccessDenied"/>, <see cref="ErrorCode.SourceChanged"/>; or the repository fails.
    /// </exception>
    public Snapshot Run(string path, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        path = DatabaseLinks.Full(path);
        var watch = Stopwatch.StartNew();
        using var lease = repository.Share($"backup of {options.Source}", cancellation);
        var catalog = new SnapshotCatalog(repository);
        var parent = catalog.Parent(options.Source, SnapshotKind.Sqlite);
        if (parent is { } p && p.Manifest.Origin.Length > 0 && p.Manifest.Origin != path)
        {
            sink.Warn($"'{options.Source}' was taken from '{p.Manifest.Origin}' before and is taken from '{path}' now. Give another -Source if it is another database.");
        }

        var manifest = Manifest.Of(SnapshotKind.Sqlite, options, repository.Time.GetUtcNow(), parent?.Id, catalog.NextNumber(options.Source)) with { Origin = path };
        try
        {
            // Links that lead nowhere are an error here. They are followed at each reading: one may come to lead elsewhere.
            _ = DatabaseLinks.Follow(path);
            manifest = new SteadyRead(sink).Run(path, options.LockTimeout, database => Take(database, parent, manifest, options, cancellation), cancellation);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, path);
        }

        manifest = manifest with { Sqlite = DatabaseOwner.Record(manifest.Sqlite, path), ElapsedSeconds = watch.Elapsed.TotalSeconds };
        lease.Assert();
        var id = repository.Commit(manifest, cancellation);
        sink.Progress($"Backing up {options.Source}", manifest.Size, manifest.Size);
        return catalog.Describe(id, manifest);
    }

    /// <summary>
    /// The manifest with the parent's content where the database has not been written since and the repository still has every block;
    /// else null. A repository that lost something gets it again, and content that nobody has checked is checked now.
    /// </summary>
    private Manifest? Unchanged(HotDatabase database, (string Id, Manifest Manifest)? parent, Manifest manifest, BackupOptions options)
    {
        if (parent?.Manifest is not { Sqlite.StateToken.Length: > 0 } before
            || before.Sqlite.StateToken != database.StateToken()
            || (before.Verified < VerificationLevel.Full && !options.SkipVerify))
        {
            return null;
        }

        var map = ReadMapOrNull(before.Map);
        return map is not null && Array.TrueForAll(map.Blocks, id => repository.Index.FindSound(id) >= 0)
            ? manifest with
            {
                Size = before.Size,
                ContentHash = before.ContentHash,
                Map = before.Map,
                Verified = before.Verified,
                Unchecked = before.Unchecked,
                Warnings = before.Warnings,
                Sqlite = before.Sqlite,
            }
            : null;
    }

    /// <summary>One reading of one state: it is thrown away where the state turns out not to have held.</summary>
    private Manifest Take(HotDatabase database, (string Id, Manifest Manifest)? parent, Manifest manifest, BackupOptions options, CancellationToken cancellation)
    {
        if (Unchanged(database, parent, manifest, options) is { } same)
        {
            database.RequireSteady();
            return same;
        }

        var baseName = parent is null ? null : WholeMapOf(parent.Value.Manifest.Map);
        var baseMap = baseName is null ? null : ReadMapOrNull(baseName);
        var blockSize = BlockSizeFor(database, baseMap);
        var digests = new BlockDigest[(database.Size + blockSize - 1) / blockSize];
        var state = new CapturedState(database);

        using var writer = new BlockWriter(repository, cancellation);
        using var check = new CaptureCheck(state, database, options.SkipVerify, cancellation);
        ReadBlocks(state, blockSize, digests, writer, options.Source, cancellation);
        var facts = check.Finish();
        state.RequireSteady();
        manifest = manifest with { WritePauseSeconds = database.WritePause.TotalSeconds };
        database.Dispose();

        // Writers go on. What is left to do needs the state no more.
        RequireSound(facts.Integrity, database.Path);
        writer.Complete();
        var map = new PageMap(blockSize, state.Size, Array.ConvertAll(digests, d => BlockId.Of(d)));
        var (mapId, mapStored) = repository.StoreMap(map.Write(baseName, baseMap));
        return manifest with
        {
            Size = state.Size,
            StoredSize = writer.StoredSize + mapStored,
            ContentHash = ContentHash.Of(digests),
            Map = mapId,
            Verified = options.SkipVerify ? VerificationLevel.None : VerificationLevel.Full,
            Unchecked = [.. facts.Unchecked],
            Sqlite = facts.Facts,
        };
    }

    private static void RequireSound(string integrity, string path)
    {
        if (integrity != "ok")
        {
            throw new MaintenanceException(
                ErrorCode.DatabaseCorrupt,
                $"'{path}' fails its integrity check: {integrity}. No snapshot was taken. Restore the newest verified one, or take this state for salvage with -SkipVerify.",
                path);
        }
    }

    private void ReadBlocks(CapturedState state, int blockSize, BlockDigest[] digests, BlockWriter writer, string source, CancellationToken cancellation)
    {
        for (long offset = 0; offset < state.Size;)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = writer.Rent();
            var length = (int)Math.Min(Batch.Capacity / blockSize * blockSize, state.Size - offset);
            state.Read(offset, batch.Free[..length]);
            for (var done = 0; done < length; done += blockSize)
            {
                batch.Add(Math.Min(blockSize, length - done));
            }

            var first = (int)(offset / blockSize);
            batch.Done = b => b.Digests.AsSpan(0, b.Count).CopyTo(digests.AsSpan(first));
            writer.Submit(batch);
            offset += length;
            sink.Progress($"Backing up {source}", offset, state.Size);
        }
    }

    private static int BlockSizeFor(HotDatabase database, PageMap? baseMap)
    {
        var size = Math.Max(MinBlock, database.PageSize);
        while (database.Size / size > MaxBlocks && size < Batch.Capacity)
        {
            size *= 2;
        }

        // A database that has just shrunk below a limit keeps its larger blocks, so that they are not stored anew.
        return baseMap is not null && baseMap.BlockSize >= size && baseMap.BlockSize <= size * 2 && baseMap.BlockSize % database.PageSize == 0
            ? baseMap.BlockSize
            : size;
    }

    private string? WholeMapOf(string map)
    {
        try
        {
            return repository.ReadMapBase(map) ?? map;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return null;
        }
    }

    private PageMap? ReadMapOrNull(string map)
    {
        try
        {
            return repository.Commits.CanBuildOn(map) ? repository.ReadMap(map) : null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return null;
        }
    }
}
