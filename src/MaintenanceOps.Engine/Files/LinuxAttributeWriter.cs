using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Sets owner, permissions, extended attributes and times: through a descriptor where there is one, otherwise on a name in
/// an open folder without following a link. What cannot be set is noted, and the rest is set all the same.
/// </summary>
internal static unsafe partial class LinuxAttributeWriter
{
    private const uint OwnerOnly = 0x1c0;
    private const int SetId = 0xc00;
    public const string AccessList = "system.posix_acl_access";
    private const string DefaultList = "system.posix_acl_default";

    /// <summary>Times outside 32 bits of seconds, which older file systems clip without an error.</summary>
    private static bool IsExtreme(FileTime time) => time.Seconds is < int.MinValue or > int.MaxValue;

    /// <summary>An open file or folder.</summary>
    public static void Apply(SafeFileHandle file, FileEntry entry, AttributeProblems problems)
    {
        // The owner first: changing it takes away set-id bits and capabilities. The permissions after the attributes: a file that
        // may not be written takes no attributes from anybody but root.
        var isOwned = SetOwner(entry, problems, (user, group) => FChown(file, user, group));
        foreach (var attribute in entry.Attributes)
        {
            fixed (byte* name = LinuxCalls.Name(attribute.Name))
            fixed (byte* value = attribute.Value)
            {
                Note(FSetXattr(file, name, value, attribute.Value.Length, 0), KindOf(attribute.Name), entry, problems);
            }
        }

        if (entry.Mode >= 0)
        {
            Note(FChmod(file, ModeOf(entry, isOwned, problems)), "permissions", entry, problems);
        }

        var times = stackalloc long[4] { entry.Modified.Seconds, entry.Modified.Nanoseconds, entry.Modified.Seconds, entry.Modified.Nanoseconds };
        Note(FUtimens(file, times), "time", entry, problems);
        if (IsExtreme(entry.Modified) && LinuxCalls.ModifiedOf(file, "") != entry.Modified)
        {
            problems.Add("time", entry.Path, "this file system cannot keep it");
        }
    }

    /// <summary>A link, pipe, socket or device in a folder where only we may write, so that the name stays what it is.</summary>
    public static void Apply(SafeFileHandle folder, string name, FileEntry entry, AttributeProblems problems)
    {
        fixed (byte* encoded = LinuxCalls.Name(name))
        {
            var at = encoded;
            SetOwner(entry, problems, (user, group) => FChownAt(folder, at, user, group, LinuxCalls.LinkItself));
            SetAttributes(folder, name, entry, problems);
            if (entry.Mode >= 0 && entry.Kind != EntryKind.Link)
            {
                Note(FChmodAt(folder, at, (uint)entry.Mode, 0), "permissions", entry, problems);
            }

            var times = stackalloc long[4] { entry.Modified.Seconds, entry.Modified.Nanoseconds, entry.Modified.Seconds, entry.Modified.Nanoseconds };
            Note(UtimensAt(folder, at, times, LinuxCalls.LinkItself), "time", entry, problems);
            if (IsExtreme(entry.Modified) && LinuxCalls.ModifiedOf(folder, name) != entry.Modified)
            {
                problems.Add("time", entry.Path, "this file system cannot keep it");
            }
        }
    }

    /// <summary>Takes away what a new folder inherits from the one above: a default access control list, and the set-group bit.</summary>
    public static void MakePrivate(SafeFileHandle folder)
    {
        Remove(folder, AccessList);
        Remove(folder, DefaultList);

        if (FChmod(folder, OwnerOnly) != 0)
        {
            // Some file systems know no permissions; who has to rely on them looks at what came of it.
            TryThroughDescriptor(folder);
        }
    }

    /// <summary>Takes away a file's access control list: its permissions stay.</summary>
    public static void RemoveAccessList(SafeFileHandle file) => Remove(file, AccessList);

    /// <summary>Most files have none, and some file systems know none.</summary>
    private static void Remove(SafeFileHandle file, string list)
    {
        fixed (byte* name = LinuxCalls.Name(list))
        {
            _ = FRemoveXattr(file, name);
        }
    }

    /// <summary>A folder that was opened as a mere path, because its owner may not read it, takes no permissions directly.</summary>
    private static void TryThroughDescriptor(SafeFileHandle folder)
    {
        fixed (byte* at = LinuxCalls.Name(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{folder.DangerousGetHandle()}")))
        {
            _ = Chmod(at, OwnerOnly);
        }
    }

    private delegate int Chown(uint user, uint group);

    /// <summary>Only root may give files away; anybody else may choose among the own groups.</summary>
    /// <returns>Whether the file belongs to whom it belonged.</returns>
    private static bool SetOwner(FileEntry entry, AttributeProblems problems, Chown chown)
    {
        if (entry.User < 0)
        {
            return true;
        }

        var isRoot = Environment.IsPrivilegedProcess;
        if (chown(isRoot ? (uint)entry.User : uint.MaxValue, (uint)entry.Group) != 0)
        {
            problems.Add("owner", entry.Path, isRoot ? Reason() : "only root may give files away");
            return false;
        }

        if (!isRoot && entry.User != GetEffectiveUser())
        {
            problems.Add("owner", entry.Path, "only root may give files away");
            return false;
        }

        return true;
    }

    /// <summary>A program that runs as its owner would run as somebody else where that is not the owner it had.</summary>
    private static uint ModeOf(FileEntry entry, bool isOwned, AttributeProblems problems)
    {
        if (isOwned || entry.Kind != EntryKind.File || (entry.Mode & SetId) == 0)
        {
            return (uint)entry.Mode;
        }

        problems.Add("set-user-id and set-group-id bits", entry.Path, "its owner could not be restored");
        return (uint)(entry.Mode & ~SetId);
    }

    private static void SetAttributes(SafeFileHandle folder, string name, FileEntry entry, AttributeProblems problems)
    {
        if (entry.Attributes.Count == 0)
        {
            return;
        }

        // There is no call that takes a folder and a name; the descriptor's path stands for the folder, and is not looked up again.
        var path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{folder.DangerousGetHandle()}/{name}");
        foreach (var attribute in entry.Attributes)
        {
            fixed (byte* at = LinuxCalls.Name(path))
            fixed (byte* key = LinuxCalls.Name(attribute.Name))
            fixed (byte* value = attribute.Value)
            {
                Note(LSetXattr(at, key, value, attribute.Value.Length, 0), KindOf(attribute.Name), entry, problems);
            }
        }

        GC.KeepAlive(folder);
    }

    /// <summary>The attribute as a person calls it.</summary>
    private static string KindOf(string name) => name switch
    {
        AccessList or DefaultList => "access control list",
        "security.capability" => "capabilities",
        "security.selinux" => "SELinux label",
        _ when name.StartsWith("user.", StringComparison.Ordinal) => "user attributes",
        _ => $"attribute {PathCodec.Display(name)}",
    };

    private static void Note(int result, string what, FileEntry entry, AttributeProblems problems)
    {
        if (result != 0)
        {
            problems.Add(what, entry.Path, Reason());
        }
    }

    private static string Reason() => Marshal.GetLastPInvokeErrorMessage();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int FChown(SafeFileHandle file, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true)]
    private static partial int FChownAt(SafeFileHandle folder, byte* path, uint user, uint group, int flags);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int FChmod(SafeFileHandle file, uint mode);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true)]
    private static partial int Chmod(byte* path, uint mode);

    [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true)]
    private static partial int FChmodAt(SafeFileHandle folder, byte* path, uint mode, int flags);

    [LibraryImport("libc", EntryPoint = "futimens", SetLastError = true)]
    private static partial int FUtimens(SafeFileHandle file, long* times);

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true)]
    private static partial int UtimensAt(SafeFileHandle folder, byte* path, long* times, int flags);

    [LibraryImport("libc", EntryPoint = "fsetxattr", SetLastError = true)]
    private static partial int FSetXattr(SafeFileHandle file, byte* name, byte* value, nint size, int flags);

    [LibraryImport("libc", EntryPoint = "fremovexattr", SetLastError = true)]
    private static partial int FRemoveXattr(SafeFileHandle file, byte* name);

    [LibraryImport("libc", EntryPoint = "lsetxattr", SetLastError = true)]
    private static partial int LSetXattr(byte* path, byte* name, byte* value, nint size, int flags);
}
