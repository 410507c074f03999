using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Writes the pages of a snapshot into a new file, and compares their hash with the recorded one.</summary>
internal sealed class SqliteImage(Repository repository, IOperationSink sink)
{
    /// <summary>Writes the database. When the call returns, the file is whole, checked and durable.</summary>
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
                files.Sync(file);
            }

            files.SyncDirectory(Path.GetDirectoryName(path)!);
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
            (int ordinal, in BlockDigest digest, ReadOnlySpan<byte> block) =>
            {
                foreach (var place in placement.PlacesOf(ordinal))
                {
                    if (block.Length != map.LengthOf(place))
                    {
                        throw new InvalidDataException("A block has another length than its place.");
                    }

                    digests[place] = digest;
                    files.Write(file, block, (long)place * map.BlockSize);
                    sink.Progress($"Restoring {manifest.Source}", Interlocked.Add(ref written, block.Length), manifest.Size);
                }
            },
            cancellation);
        if (ContentHash.Of(digests) != manifest.ContentHash)
        {
            throw new MaintenanceException(ErrorCode.VerificationFailed, $"What was read of snapshot {id[..8]} does not have the hash that was recorded.", id);
        }
    }
}
