using System.Runtime.InteropServices;

namespace MaintenanceOps.Engine.Files;

/// <summary>Reads extended attributes as listxattr(2) and getxattr(2) tell them, without following a link.</summary>
internal static unsafe partial class LinuxAttributes
{
    private const int NoSuchAttribute = 61;
    private const int NotSupported = 95;
    private const int NotFound = 2;

    /// <summary>Linux lets no list of names and no value be longer.</summary>
    private const int Limit = 64 * 1024;

    [ThreadStatic]
    private static byte[]? buffer;

    /// <summary>The attributes that can be put back, in the order of their names.</summary>
    /// <param name="path">The path in the file system's own bytes, with a zero behind them.</param>
    /// <param name="unread">Hears the name of each attribute that is there and cannot be read, and why; an empty name stands for all of them.</param>
    public static IReadOnlyList<ExtendedAttribute> Read(byte[] path, Action<string, string> unread)
    {
        buffer ??= new byte[Limit];
        nint length;
        fixed (byte* at = path)
        fixed (byte* into = buffer)
        {
            length = LListXAttr(at, into, Limit);
        }

        if (length <= 0)
        {
            if (length < 0 && Marshal.GetLastPInvokeError() is not (NotSupported or NotFound) and var error)
            {
                unread("", Marshal.GetPInvokeErrorMessage(error));
            }

            return [];
        }

        return ReadNamed(path, buffer.AsSpan(0, (int)length).ToArray(), unread);
    }

    private static List<ExtendedAttribute> ReadNamed(byte[] path, ReadOnlySpan<byte> names, Action<string, string> unread)
    {
        var found = new List<ExtendedAttribute>();
        var room = ExtendedAttribute.MaxTotal;
        while (names.IndexOf((byte)0) is >= 0 and var end)
        {
            var (name, shown) = (names[..(end + 1)].ToArray(), PathCodec.Decode(names[..end]));
            names = names[(end + 1)..];
            if (!IsWanted(shown))
            {
                continue;
            }

            if (ReadOne(path, name, out var error) is not { } value)
            {
                if (error is not (NoSuchAttribute or NotFound or NotSupported))
                {
                    unread(shown, Marshal.GetPInvokeErrorMessage(error));
                }
            }
            else if ((room -= end + value.Length) < 0)
            {
                unread(shown, $"the attributes of one file are taken up to {ExtendedAttribute.MaxTotal} bytes");
            }
            else
            {
                found.Add(new ExtendedAttribute(shown, value));
            }
        }

        found.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return found;
    }

    /// <summary>
    /// Leaves out what the kernel makes of other things and takes from nobody: views of the system's own (such as a file's
    /// NFS or CIFS descriptors, which have their own tools), and hashes and signatures that are bound to one inode.
    /// </summary>
    private static bool IsWanted(string name) => name switch
    {
        "security.ima" or "security.evm" => false,
        "system.posix_acl_access" or "system.posix_acl_default" or "system.nfs4_acl" => true,
        _ => !name.StartsWith("system.", StringComparison.Ordinal),
    };

    private static byte[]? ReadOne(byte[] path, byte[] name, out int error)
    {
        fixed (byte* at = path)
        fixed (byte* named = name)
        fixed (byte* into = buffer)
        {
            var length = LGetXAttr(at, named, into, Limit);
            error = length < 0 ? Marshal.GetLastPInvokeError() : 0;
            return length < 0 ? null : buffer.AsSpan(0, (int)length).ToArray();
        }
    }

    [LibraryImport("libc", EntryPoint = "llistxattr", SetLastError = true)]
    private static partial nint LListXAttr(byte* path, byte* list, nint size);

    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    private static partial nint LGetXAttr(byte* path, byte* name, byte* value, nint size);
}
