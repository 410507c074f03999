namespace MaintenanceOps.Engine.Files;

/// <summary>What kind of thing a path names. The values are the bytes that stand in a listing.</summary>
internal enum EntryKind : byte
{
    File = (byte)'F',
    Folder = (byte)'D',
    Link = (byte)'L',

    /// <summary>A further name of a file that comes earlier in the listing.</summary>
    HardLink = (byte)'H',

    /// <summary>A named pipe. It is recorded and never opened, like the three kinds that follow.</summary>
    Fifo = (byte)'P',
    Socket = (byte)'S',
    CharacterDevice = (byte)'C',
    BlockDevice = (byte)'B',
}

/// <summary>What kinds have in common.</summary>
internal static class EntryKinds
{
    /// <summary>Whether opening it could block or never end: a pipe, a socket or a device. It has no content to keep.</summary>
    public static bool IsSpecial(this EntryKind kind) => kind is EntryKind.Fifo or EntryKind.Socket or EntryKind.CharacterDevice or EntryKind.BlockDevice;
}
