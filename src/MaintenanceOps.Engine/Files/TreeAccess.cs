using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// What a tree of files can be asked and told, by names in <see cref="PathCodec"/>'s form. No method follows a link in
/// the last part of a path.
/// </summary>
internal abstract class TreeAccess
{
    /// <summary>The access that fits this platform.</summary>
    public static TreeAccess Current { get; set; } = OperatingSystem.IsLinux() ? new LinuxTreeAccess() : new PortableTreeAccess();

    /// <summary>The facts of a path; null where there is nothing.</summary>
    public abstract FileFacts? Facts(string path);

    /// <summary>The name of the kernel's own file system that a path lies on, such as <c>proc</c>; null for one that keeps files.</summary>
    public abstract string? MadeUpBy(string path);

    /// <summary>The names in a folder, in no particular order.</summary>
    public abstract IReadOnlyList<string> Names(string folder);

    public abstract string ReadLink(string path);

    /// <summary>
    /// The extended attributes of a path that can be put back, in the order of their names: none where the platform or the
    /// file system has none.
    /// </summary>
    /// <param name="path">The path; a link is not followed.</param>
    /// <param name="unread">Hears the name of each attribute that is there and cannot be read, and why.</param>
    public abstract IReadOnlyList<ExtendedAttribute> Attributes(string path, Action<string, string> unread);

    public abstract SafeFileHandle OpenRead(string path);

    /// <summary>Creates a file that does not exist, readable by its owner alone.</summary>
    public abstract SafeFileHandle Create(string path);

    /// <summary>Opens a file that exists for more writing.</summary>
    public abstract SafeFileHandle OpenWrite(string path);

    public abstract void CreateFolder(string path);

    public abstract void CreateLink(string path, string target);

    public abstract void CreateHardLink(string existing, string path);

    /// <summary>Gives a path another name on the same volume; what is there is replaced.</summary>
    public abstract void Rename(string from, string to);

    /// <summary>Removes a file or link.</summary>
    public abstract void Remove(string path);

    public abstract void RemoveFolder(string path);

    /// <summary>Sets permissions, owner and times. Returns what could not be set; null where all was.</summary>
    public abstract string? Apply(string path, EntryKind kind, int mode, long user, long group, FileTime modified);

    /// <summary>The next part of a sparse file that holds data, from an offset on; null where only a hole follows.</summary>
    public abstract (long Start, long End)? NextData(SafeFileHandle file, long offset, long size);

    public static string Join(string folder, string name) =>
        folder.EndsWith('/') ? folder + name : folder + "/" + name;

    /// <summary>Removes whatever is at a path, with all below it.</summary>
    public void RemoveTree(string path)
    {
        switch (Facts(path)?.Kind)
        {
            case null:
                return;
            case EntryKind.Folder:
                foreach (var name in Names(path))
                {
                    RemoveTree(Join(path, name));
                }

                RemoveFolder(path);
                return;
            default:
                Remove(path);
                return;
        }
    }
}
