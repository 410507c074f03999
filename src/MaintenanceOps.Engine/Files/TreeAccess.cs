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

    /// <summary>Opens a folder to write into; links in its path are followed.</summary>
    public abstract FolderHandle OpenFolder(string path);

    /// <summary>The next part of a sparse file that holds data, from an offset on; null where only a hole follows.</summary>
    public abstract (long Start, long End)? NextData(SafeFileHandle file, long offset, long size);

    public static string Join(string folder, string name) =>
        folder.EndsWith('/') ? folder + name : folder + "/" + name;
}
