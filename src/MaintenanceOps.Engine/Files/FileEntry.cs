using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>A part of a file: a block, or a hole of zeros that takes no space.</summary>
internal readonly record struct Extent(BlockId Block, long Length, bool IsHole);

/// <summary>One entry of a listing: a path with all that is needed to make it again.</summary>
internal sealed record FileEntry
{
    /// <summary>The path below the snapshot's origin, with forward slashes; empty for the origin folder itself.</summary>
    public required string Path { get; init; }

    public required EntryKind Kind { get; init; }

    public int Mode { get; init; } = -1;

    public long User { get; init; } = -1;

    public long Group { get; init; } = -1;

    public FileTime Modified { get; init; }

    public FileTime Changed { get; init; }

    /// <summary>When the file was made, for people; null where unknown. Linux has no call that sets it.</summary>
    public FileTime? Born { get; init; }

    public ulong Inode { get; init; }

    public long Size { get; init; }

    /// <summary>A link's target, or the path of the entry that a hard link is another name of.</summary>
    public string Target { get; init; } = "";

    /// <summary>What was odd about it, such as <c>changed while it was read</c>.</summary>
    public string Note { get; init; } = "";

    public Extent[] Extents { get; init; } = [];

    /// <summary>In the order of their names.</summary>
    public IReadOnlyList<ExtendedAttribute> Attributes { get; init; } = [];

    /// <summary>Of a device node, the number of the device as mknod(2) takes it.</summary>
    public long DeviceNumber { get; init; }

    public ContentKind Content { get; init; }

    /// <summary>Where a path that was asked for was a symbolic link and stands for what it leads to: what the link said.</summary>
    public string Via { get; init; } = "";

    /// <summary>Whether it holds what version 1 of the format cannot say.</summary>
    public bool IsExtended => Kind.IsSpecial()
        || Attributes.Count > 0 || Born is not null || Content != ContentKind.Plain || Via.Length > 0 || !Modified.IsCountable || !Changed.IsCountable;

    public void Write(ByteWriter writer)
    {
        writer.Byte(IsExtended ? EntryExtension.Mark(Kind) : (byte)Kind);
        writer.Block(PathCodec.Encode(Path));
        writer.Signed(Mode);
        writer.Signed(User);
        writer.Signed(Group);
        writer.Signed(Modified.Count);
        writer.Signed(Changed.Count);
        writer.VarInt(Inode);
        writer.VarInt(Size);
        writer.Block(PathCodec.Encode(Target));
        writer.Text(Note);
        writer.VarInt(Extents.Length);
        foreach (var extent in Extents)
        {
            writer.VarInt((extent.Length << 1) | (extent.IsHole ? 1L : 0L));
            if (!extent.IsHole)
            {
                writer.Id(extent.Block);
            }
        }

        if (IsExtended)
        {
            EntryExtension.Write(writer, this);
        }
    }

    /// <exception cref="InvalidDataException">The bytes are no entry.</exception>
    public static FileEntry Read(ref ByteReader reader)
    {
        var mark = reader.Byte();
        var entry = new FileEntry
        {
            Kind = EntryExtension.KindOf(mark),
            Path = PathCodec.Decode(reader.Block()),
            Mode = checked((int)reader.Signed()),
            User = reader.Signed(),
            Group = reader.Signed(),
            Modified = FileTime.OfNanoseconds(reader.Signed()),
            Changed = FileTime.OfNanoseconds(reader.Signed()),
            Inode = reader.VarInt(),
            Size = reader.Int64(),
            Target = PathCodec.Decode(reader.Block()),
            Note = reader.Text(),
            Extents = new Extent[reader.Count(1)],
        };
        long total = 0;
        for (var i = 0; i < entry.Extents.Length; i++)
        {
            var length = reader.Int64();
            var hole = (length & 1) == 1;
            entry.Extents[i] = new Extent(hole ? default : reader.Id(), length >> 1, hole);
            total = checked(total + (length >> 1));
        }

        if (entry.Kind == EntryKind.File && total != entry.Size)
        {
            throw new InvalidDataException($"The parts of '{PathCodec.Display(entry.Path)}' do not add up to its size.");
        }

        return EntryExtension.IsMark(mark) ? EntryExtension.Read(ref reader, entry)
            : entry.Note == FileBackup.DatabaseNote ? entry with { Content = ContentKind.SqliteDatabase }
            : entry;
    }
}
