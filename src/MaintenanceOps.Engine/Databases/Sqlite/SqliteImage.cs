using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Writes the pages of a snapshot into a new file, and compares their hash with the recorded one.</summary>
internal sealed class SqliteImage(Repository repository, IOperationSink sink)
{
    /// <summary>
    /// Writes the database. When the call returns, the file is whole and its content has the recorded hash; who wants it
    /// to outlive a power cut syncs it.
    /// </summary>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.SnapshotDamaged"/>, <see cref="ErrorCode.VerificationFailed"/>, <see cref="ErrorCode.DiskFull"/>,
    /// <see cref="ErrorCode.AccessDenied"/>; the file is then gone again.
    /// </exception>
    public void Write(string id, Manifest manifest, string path, CancellationToken cancellation)
    {
        var files = DurableFiles.Default;
        FreeSpace.Require(path, manifest.Size);
        try
        {
            using (var file = files.Create(path))
            {
                RandomAccess.SetLength(file, manifest.Size);
                WriteBlocks(id, manifest, file, files, cancellation);
            }
        }
        catch (Exception e)
        {
            files.Delete(path);
            throw e is MaintenanceException or OperationCanceledException || !IoErrors.IsKnown(e) ? e : IoErrors.Wrap(e, "write", path);
        }
    }

    private void WriteBlocks(string id, Manifest manifest, SafeFileHandle file, DurableFiles files, CancellationToken cancellation)
    {
        var map = repository.ReadMap(manifest.Map);
        var placement = Placement.Of(repository.Index, map.Blocks);
        placement.RequireComplete(id, repository.Location);
        var digests = new BlockDigest[map.Blocks.Length];
        long written = 0;
        new BlockReader(repository).Read(
            placement.Ordinals,
            (ReadOnlySpan<FrameBlock> blocks, ReadOnlySpan<byte> bytes) =>
            {
                // Pages that were neighbours in the database are neighbours in the frame: one write for a whole run of them.
                PageRun run = default;
                foreach (ref readonly var block in blocks)
                {
                    foreach (var place in placement.PlacesOf(block.Ordinal))
                    {
                        if (block.Length != map.LengthOf(place))
                        {
                            throw new InvalidDataException("A block has another length than its place.");
                        }

                        digests[place] = block.Digest;
                        Interlocked.Add(ref written, block.Length);
                        var offset = (long)place * map.BlockSize;
                        if (!run.TryExtend(offset, block))
                        {
                            files.Write(file, bytes.Slice(run.Start, run.Length), run.Offset);
                            run = new PageRun(offset, block.Start, block.Length);
                        }
                    }
                }

                files.Write(file, bytes.Slice(run.Start, run.Length), run.Offset);
                sink.Progress($"Restoring {manifest.Source}", Interlocked.Read(ref written), manifest.Size);
            },
            cancellation);
        if (ContentHash.Of(digests) != manifest.ContentHash)
        {
            throw new MaintenanceException(ErrorCode.VerificationFailed, $"What was read of snapshot {id[..8]} does not have the hash that was recorded.", id);
        }
    }

    /// <summary>Bytes that lie side by side both in a frame and in the file.</summary>
    /// <param name="Offset">Where they begin in the file.</param>
    /// <param name="Start">Where they begin in the frame.</param>
    /// <param name="Length">How many they are.</param>
    private record struct PageRun(long Offset, int Start, int Length)
    {
        public bool TryExtend(long offset, in FrameBlock block)
        {
            if (offset != Offset + Length || block.Start != Start + Length)
            {
                return false;
            }

            Length += block.Length;
            return true;
        }
    }
}
