using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// What version 2 of the format says about an entry beyond version 1. The kind of such an entry is a lower-case letter, and
/// behind its extents comes a count of fields, each a letter with its value.
/// </summary>
internal static class EntryExtension
{
    private const byte ModifiedField = (byte)'m';
    private const byte ChangedField = (byte)'c';
    private const byte BornField = (byte)'b';
    private const byte AttributeField = (byte)'a';
    private const byte DeviceField = (byte)'d';
    private const byte ContentField = (byte)'k';
    private const byte ViaField = (byte)'v';

    /// <summary>What tells a lower-case letter from its upper-case one.</summary>
    private const byte Lower = 0x20;

    public static byte Mark(EntryKind kind) => (byte)((byte)kind | Lower);

    public static bool IsMark(byte mark) => (mark & Lower) != 0;

    /// <exception cref="InvalidDataException">There is no such kind.</exception>
    public static EntryKind KindOf(byte mark)
    {
        var kind = (EntryKind)(mark & ~Lower);
        return Enum.IsDefined(kind) && (IsMark(mark) || kind is EntryKind.File or EntryKind.Folder or EntryKind.Link or EntryKind.HardLink)
            ? kind
            : throw new InvalidDataException($"The listing holds an entry of an unknown kind, {mark}.");
    }

    public static void Write(ByteWriter writer, FileEntry entry)
    {
        var isDevice = entry.Kind is EntryKind.CharacterDevice or EntryKind.BlockDevice;
        writer.VarInt(
            (entry.Modified.IsCountable ? 0L : 1) + (entry.Changed.IsCountable ? 0 : 1) + (entry.Born is null ? 0 : 1)
            + (isDevice ? 1 : 0) + (entry.Content == ContentKind.Plain ? 0 : 1) + (entry.Via.Length == 0 ? 0 : 1) + entry.Attributes.Count);
        if (!entry.Modified.IsCountable)
        {
            WriteTime(writer, ModifiedField, entry.Modified);
        }

        if (!entry.Changed.IsCountable)
        {
            WriteTime(writer, ChangedField, entry.Changed);
        }

        if (entry.Born is { } born)
        {
            WriteTime(writer, BornField, born);
        }

        if (isDevice)
        {
            writer.Byte(DeviceField);
            writer.VarInt(DeviceNumbers.Major(entry.DeviceNumber));
            writer.VarInt(DeviceNumbers.Minor(entry.DeviceNumber));
        }

        if (entry.Content != ContentKind.Plain)
        {
            writer.Byte(ContentField);
            writer.Byte((byte)entry.Content);
        }

        if (entry.Via.Length > 0)
        {
            writer.Byte(ViaField);
            writer.Block(PathCodec.Encode(entry.Via));
        }

        foreach (var attribute in entry.Attributes)
        {
            writer.Byte(AttributeField);
            writer.Block(PathCodec.Encode(attribute.Name));
            writer.Block(attribute.Value);
        }
    }

    /// <exception cref="InvalidDataException">A field is unknown or holds what no backup writes.</exception>
    public static FileEntry Read(ref ByteReader reader, FileEntry entry)
    {
        var attributes = new List<ExtendedAttribute>();
        var room = ExtendedAttribute.MaxTotal;
        for (var count = reader.Count(2); count > 0; count--)
        {
            var field = reader.Byte();
            switch (field)
            {
                case ModifiedField:
                    entry = entry with { Modified = ReadTime(ref reader) };
                    break;
                case ChangedField:
                    entry = entry with { Changed = ReadTime(ref reader) };
                    break;
                case BornField:
                    entry = entry with { Born = ReadTime(ref reader) };
                    break;
                case DeviceField:
                    entry = entry with { DeviceNumber = DeviceNumbers.Of(reader.Int64(), reader.Int64()) };
                    break;
                case ContentField:
                    entry = entry with { Content = (ContentKind)reader.Byte() };
                    break;
                case ViaField:
                    entry = entry with { Via = PathCodec.Decode(reader.Block()) };
                    break;
                case AttributeField:
                    attributes.Add(ReadAttribute(ref reader, ref room));
                    break;
                default:
                    throw new InvalidDataException($"'{PathCodec.Display(entry.Path)}' has a field of an unknown kind, {field}.");
            }
        }

        return entry with { Attributes = attributes.Count == 0 ? [] : attributes };
    }

    private static void WriteTime(ByteWriter writer, byte field, FileTime time)
    {
        writer.Byte(field);
        writer.Signed(time.Seconds);
        writer.VarInt(time.Nanoseconds);
    }

    private static FileTime ReadTime(ref ByteReader reader)
    {
        var (seconds, nanoseconds) = (reader.Signed(), reader.VarInt());
        return nanoseconds < 1_000_000_000
            ? new FileTime(seconds, (int)nanoseconds)
            : throw new InvalidDataException($"A time has {nanoseconds} nanoseconds.");
    }

    private static ExtendedAttribute ReadAttribute(ref ByteReader reader, ref int room)
    {
        var name = reader.Block();
        var value = reader.Block();
        room -= name.Length + value.Length;
        return name.Length is > 0 and <= ExtendedAttribute.MaxName && !name.Contains((byte)0) && value.Length <= ExtendedAttribute.MaxValue && room >= 0
            ? new ExtendedAttribute(PathCodec.Decode(name), value.ToArray())
            : throw new InvalidDataException("An attribute has an impossible name or size.");
    }
}
