using System.Diagnostics;
using Microsoft.Data.Sqlite;
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

    /// <summary>Backs up one database.</summary>
    /// <param name="path">The database file.</param>
    /// <param name="options">Name, tags and how careful to be.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>The committed snapshot.</returns>
    /// <exception cref="MaintenanceException">
    /// The source cannot be taken: <see cref="ErrorCode.PathNotFound"/>, <see cref="ErrorCode.NotADatabase"/>,
    /// <see cref="ErrorCode.DatabaseEmpty"/>, <see cref="ErrorCode.DatabaseBusy"/>, <see cref="ErrorCode.DatabaseCorrupt"/>,
    /// <see cref="ErrorCode.AccessDenied"/>; or the repository fails.
    /// </exception>
    public Snapshot Run(string path, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        path = Path.GetFullPath(path);
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
            using var database = HotDatabase.Open(path, options.LockTimeout, cancellation);
            manifest = Unchanged(database, parent, manifest) ?? Read(database, parent, manifest, options, cancellation);
            manifest = manifest with { WritePauseSeconds = database.WritePause.TotalSeconds, ElapsedSeconds = watch.Elapsed.TotalSeconds };
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, path);
        }

        lease.Assert();
        var id = repository.Commit(manifest, cancellation);
        sink.Progress($"Backing up {options.Source}", manifest.Size, manifest.Size);
        return catalog.Describe(id, manifest);
    }

    /// <summary>
    /// The manifest with the parent's content where the database has not been written since and the repository still has every block;
    /// else null. A repository that lost something gets it again.
    /// </summary>
    private Manifest? Unchanged(HotDatabase database, (string Id, Manifest Manifest)? parent, Manifest manifest)
    {
        if (parent?.Manifest is not { Sqlite.StateToken.Length: > 0 } before || before.Sqlite.StateToken != database.StateToken())
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
                Warnings = before.Warnings,
                Sqlite = before.Sqlite,
            }
            : null;
    }

    private Manifest Read(HotDatabase database, (string Id, Manifest Manifest)? parent, Manifest manifest, BackupOptions options, CancellationToken cancellation)
    {
        var baseName = parent is null ? null : WholeMapOf(parent.Value.Manifest.Map);
        var baseMap = baseName is null ? null : ReadMapOrNull(baseName);
        var blockSize = BlockSizeFor(database, baseMap);
        var digests = new BlockDigest[(database.Size + blockSize - 1) / blockSize];

        using var writer = new BlockWriter(repository, cancellation);
        using var inspection = Inspect(database, options, cancellation);
        ReadBlocks(database, blockSize, digests, writer, options.Source, cancellation);
        writer.Complete();
        var facts = inspection.Finish();

        var map = new PageMap(blockSize, database.Size, Array.ConvertAll(digests, d => BlockId.Of(d)));
        var (mapId, mapStored) = repository.StoreMap(map.Write(baseName, baseMap));
        return manifest with
        {
            Size = database.Size,
            StoredSize = writer.StoredSize + mapStored,
            ContentHash = ContentHash.Of(digests),
            Map = mapId,
            Verified = options.SkipVerify ? VerificationLevel.None : VerificationLevel.Quick,
            Sqlite = facts,
        };
    }

    private void ReadBlocks(HotDatabase database, int blockSize, BlockDigest[] digests, BlockWriter writer, string source, CancellationToken cancellation)
    {
        for (long offset = 0; offset < database.Size;)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = writer.Rent();
            var length = (int)Math.Min(Batch.Capacity / blockSize * blockSize, database.Size - offset);
            database.Read(offset, batch.Free[..length]);
            for (var done = 0; done < length; done += blockSize)
            {
                batch.Add(Math.Min(blockSize, length - done));
            }

            var first = (int)(offset / blockSize);
            batch.Done = b => b.Digests.AsSpan(0, b.Count).CopyTo(digests.AsSpan(first));
            writer.Submit(batch);
            offset += length;
            sink.Progress($"Backing up {source}", offset, database.Size);
        }
    }

    /// <summary>Counts and checks on the transaction's own connection while other threads read the pages.</summary>
    private static Inspection Inspect(HotDatabase database, BackupOptions options, CancellationToken cancellation) => new(database, token =>
    {
        var integrity = options.SkipVerify ? "ok" : SqliteInspection.QuickCheck(database.Connection);
        token.ThrowIfCancellationRequested();
        if (integrity != "ok")
        {
            throw new MaintenanceException(
                ErrorCode.DatabaseCorrupt,
                $"'{database.Path}' fails its integrity check: {integrity}. No snapshot was taken. Restore the newest verified one, or take this state for salvage with -SkipVerify.",
                database.Path);
        }

        return new SqliteFacts
        {
            PageSize = database.PageSize,
            JournalMode = database.JournalMode,
            EngineVersion = database.Connection.ServerVersion,
            SchemaHash = SqliteInspection.SchemaHash(database.Connection),
            Tables = SqliteInspection.CountRows(database.Connection, token),
            StateToken = database.StateToken(),
        };
    }, cancellation);

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

    /// <summary>
    /// Work on the connection beside the reading of the pages. It is always ended before the connection closes: a long
    /// statement is interrupted.
    /// </summary>
    private sealed class Inspection : IDisposable
    {
        private readonly HotDatabase database;
        private readonly CancellationTokenSource stop;
        private readonly Task<SqliteFacts> work;

        public Inspection(HotDatabase database, Func<CancellationToken, SqliteFacts> inspect, CancellationToken cancellation)
        {
            this.database = database;
            stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            database.Connection.CancelOn(stop.Token);
            work = Task.Run(() => inspect(stop.Token));
        }

        public SqliteFacts Finish()
        {
            try
            {
                return work.GetAwaiter().GetResult();
            }
            catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt && stop.IsCancellationRequested)
            {
                throw new OperationCanceledException(stop.Token);
            }
            catch (SqliteException e)
            {
                throw SqliteConnections.Wrap(e, database.Path);
            }
        }

        public void Dispose()
        {
            stop.Cancel();
            Task.WaitAny(work);
            _ = work.Exception;
            stop.Dispose();
        }
    }
}
