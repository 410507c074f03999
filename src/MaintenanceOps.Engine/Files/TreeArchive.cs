using System.Globalization;
using System.Text;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Files;

/// <summary>Writes the entries of a listing as a tar archive, with all that the format can keep, straight from the repository.</summary>
internal sealed class TreeArchive(Repository repository, IOperationSink sink)
{
    /// <summary>Holes that are worth a format that old programs do not know; smaller ones are written as zeros.</summary>
    private const long WorthwhileHoles = 1024 * 1024;

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/> or <see cref="ErrorCode.DestinationEscaped"/>.</exception>
    public void Write(Snapshot snapshot, Stream output, CancellationToken cancellation)
    {
        var listing = Listing.Read(repository, snapshot.Id, repository.ReadManifest(snapshot.Id), cancellation);
        var entries = Selection.Of(Listing.Entries(listing), []).Entries;
        using var blocks = new BlockSequence(repository, snapshot.Id, entries.Where(e => e.Kind == EntryKind.File).SelectMany(e => e.Extents), cancellation);
        long done = 0;
        foreach (var entry in entries.Where(e => e.Path.Length > 0 && e.Kind != EntryKind.Socket))
        {
            cancellation.ThrowIfCancellationRequested();
            WriteEntry(entry, blocks, output, cancellation);
            sink.Progress($"Exporting {snapshot.Source}", done += entry.Size, snapshot.Size);
        }

        // Two empty blocks are the end of an archive.
        output.Write(new byte[1024]);
        if (entries.Count(e => e.Kind == EntryKind.Socket) is > 0 and var sockets)
        {
            sink.Warn($"{sockets} socket(s) are not in the archive: its format has none. The program that listens at a socket makes it anew.");
        }
    }

    private static void WriteEntry(FileEntry entry, BlockSequence blocks, Stream output, CancellationToken cancellation)
    {
        var name = PathCodec.Encode(entry.Kind == EntryKind.Folder ? entry.Path + "/" : entry.Path);
        var holes = entry.Extents.Sum(e => e.IsHole ? e.Length : 0);
        if (entry.Kind == EntryKind.File && holes >= WorthwhileHoles)
        {
            WriteSparse(entry, name, entry.Size - holes, blocks, output, cancellation);
            return;
        }

        var size = entry.Kind == EntryKind.File ? entry.Size : 0;
        new TarHeader(entry, name, size).Write(output);
        if (entry.Kind == EntryKind.File)
        {
            EntryContent.CopyTo(entry, blocks, output, withHoles: true, cancellation);
            TarHeader.Pad(output, size);
        }
    }

    /// <summary>
    /// GNU's sparse format 1.0: the content begins with a map in decimal lines, the number of parts, then offset and length
    /// of each, filled up to a whole block; the parts follow. The member's own name is for programs that do not know it.
    /// </summary>
    private static void WriteSparse(FileEntry entry, byte[] name, long data, BlockSequence blocks, Stream output, CancellationToken cancellation)
    {
        var map = Map(entry);
        var mapSize = (map.Length + 511L) / 512 * 512;
        byte[] plain = [.. "GNUSparseFile.0/"u8, .. name];
        var header = new TarHeader(entry, plain, mapSize + data);
        header.Record("GNU.sparse.major", "1"u8);
        header.Record("GNU.sparse.minor", "0"u8);
        header.Record("GNU.sparse.name", name);
        header.Record("GNU.sparse.realsize", Encoding.ASCII.GetBytes(entry.Size.ToString(CultureInfo.InvariantCulture)));
        header.Write(output);
        output.Write(map);
        TarHeader.Pad(output, map.Length);
        EntryContent.CopyTo(entry, blocks, output, withHoles: false, cancellation);
        TarHeader.Pad(output, data);
    }

    private static byte[] Map(FileEntry entry)
    {
        var parts = new List<(long Offset, long Length)>();
        long at = 0;
        foreach (var extent in entry.Extents)
        {
            if (!extent.IsHole && parts.Count > 0 && parts[^1].Offset + parts[^1].Length == at)
            {
                parts[^1] = (parts[^1].Offset, parts[^1].Length + extent.Length);
            }
            else if (!extent.IsHole)
            {
                parts.Add((at, extent.Length));
            }

            at += extent.Length;
        }

        // An empty part at the end says how long the file is.
        parts.Add((entry.Size, 0));
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{parts.Count}\n");
        parts.ForEach(p => text.Append(CultureInfo.InvariantCulture, $"{p.Offset}\n{p.Length}\n"));
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
