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

    public override SafeFileHandle Create(string path) => Storage.DurableFiles.Default.Create(path);

    public override SafeFileHandle OpenWrite(string path) => File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);

    public override void CreateFolder(string path) => Directory.CreateDirectory(path);

    public override void CreateLink(string path, string target) => File.CreateSymbolicLink(path, target);

    public override void CreateHardLink(string existing, string path) => File.Copy(existing, path);

    public override void Rename(string from, string to)
    {
        if (Directory.Exists(from) && new DirectoryInfo(from).LinkTarget is null)
        {
            Directory.Move(from, to);
        }
        else
        {
            File.Move(from, to, overwrite: true);
        }
    }

    public override void Remove(string path) => File.Delete(path);

    public override void RemoveFolder(string path) => Directory.Delete(path);

    public override string? Apply(string path, EntryKind kind, int mode, long user, long group, FileTime modified)
    {
        if (kind == EntryKind.Link)
        {
            return null;
        }

        if (mode >= 0 && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, (UnixFileMode)mode);
        }

        var time = modified.ToDateTimeOffset().UtcDateTime;
        if (kind == EntryKind.Folder)
        {
            Directory.SetLastWriteTimeUtc(path, time);
        }
        else
        {
            File.SetLastWriteTimeUtc(path, time);
        }

        return null;
    }

    public override (long Start, long End)? NextData(SafeFileHandle file, long offset, long size) => offset < size ? (offset, size) : null;
}
