using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// .NET's own file API, for Windows and macOS: permissions where the platform has them, no owners, hard links or holes.
/// </summary>
internal sealed class PortableTreeAccess : TreeAccess
{
    public override FileFacts? Facts(string path)
    {
        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        if (!info.Exists && info.LinkTarget is null)
        {
            return null;
        }

        var kind = info.LinkTarget is not null ? EntryKind.Link : info is DirectoryInfo ? EntryKind.Folder : EntryKind.File;
        var mode = OperatingSystem.IsWindows() || kind == EntryKind.Link ? -1 : (int)info.UnixFileMode;
        var size = kind == EntryKind.File ? ((FileInfo)info).Length : 0;
        return new FileFacts(kind, mode, -1, -1, size, FileTime.Of(info.LastWriteTimeUtc), default, 0, 0, 1, -1) { Born = FileTime.Of(info.CreationTimeUtc) };
    }

    public override string? MadeUpBy(string path) => null;

    public override IReadOnlyList<string> Names(string folder) => [.. new DirectoryInfo(folder).EnumerateFileSystemInfos().Select(i => i.Name)];

    public override string ReadLink(string path) => new FileInfo(path).LinkTarget ?? "";

    public override IReadOnlyList<ExtendedAttribute> Attributes(string path, Action<string, string> unread) => [];

    public override SafeFileHandle OpenRead(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);

    public override FolderHandle OpenFolder(string path) => new PortableFolder(path);

    public override (long Start, long End)? NextData(SafeFileHandle file, long offset, long size) => offset < size ? (offset, size) : null;
}
