using MaintenanceOps.Engine.Databases.Sqlite;

namespace MaintenanceOps.Engine.Files;

/// <summary>A live SQLite database inside a tree: read in one transaction, with what is in its log, and checked as it is read.</summary>
/// <param name="listing">Takes the blocks.</param>
/// <param name="window">Room to read into; a multiple of 256 KiB.</param>
/// <param name="sink">Hears of what had to be read again.</param>
internal sealed class TreeDatabase(ListingWriter listing, byte[] window, IOperationSink sink)
{
    /// <summary>Up to this size pages are blocks of their own: what changed is told apart most finely.</summary>
    private const long SmallDatabase = 16 * 1024 * 1024;

    /// <summary>Reads the database; the entry has its blocks and its size then, and is not in the listing yet.</summary>
    /// <param name="path">The database file.</param>
    /// <param name="entry">What the listing says of the file.</param>
    /// <param name="lockTimeout">How long a lock is waited for; the usual time where it is null.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="MaintenanceException">It cannot be read as a database, or never held still.</exception>
    public (PendingEntry Entry, CaptureFindings Findings) Read(string path, FileEntry entry, TimeSpan? lockTimeout, CancellationToken cancellation) =>
        new SteadyRead(sink).Run(path, lockTimeout, database => ReadOnce(database, entry, cancellation), cancellation);

    /// <summary>Blocks of a reading that did not hold stay in the packs, where nothing names them.</summary>
    private (PendingEntry Entry, CaptureFindings Findings) ReadOnce(HotDatabase database, FileEntry entry, CancellationToken cancellation)
    {
        var state = new CapturedState(database);
        var pending = new PendingEntry(entry with { Size = database.Size });
        using var check = new CaptureCheck(state, database, countOnly: false, cancellation);
        var blockSize = Math.Max(database.PageSize, database.Size > SmallDatabase ? 16384 : 4096);
        for (long offset = 0; offset < database.Size;)
        {
            cancellation.ThrowIfCancellationRequested();
            var length = (int)Math.Min(window.Length, database.Size - offset);
            state.Read(offset, window.AsSpan(0, length));
            for (var done = 0; done < length; done += blockSize)
            {
                listing.AddBlock(pending, window.AsSpan(done, Math.Min(blockSize, length - done)));
            }

            offset += length;
        }

        var findings = check.Finish();
        state.RequireSteady();
        return (pending, findings);
    }
}
