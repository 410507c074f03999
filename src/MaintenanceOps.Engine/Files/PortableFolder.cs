using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// A folder by its path, for Windows and macOS: permissions where the platform has them, no owners, hard links or special
/// files. A path is followed anew by each call.
/// </summary>
internal sealed class PortableFolder(string path) : FolderHandle(path)
{
    private const int FileExists = unchecked((int)0x80070050);

    public override PlaceFacts Self => FactsOf(Path) ?? throw new DirectoryNotFoundException($"'{Path}' was removed.");

    public override PlaceFacts? Look(string name) => FactsOf(PathOf(name));

    public override IReadOnlyList<string> Names() => [.. new DirectoryInfo(Path).EnumerateFileSystemInfos().Select(i => i.Name)];

    public override string ReadLink(string name) => new FileInfo(PathOf(name)).LinkTarget ?? "";

    public override FolderHandle OpenFolder(string name) => Look(name) is { Kind: EntryKind.Folder }
        ? new PortableFolder(PathOf(name))
        : throw new DirectoryNotFoundException($"'{PathOf(name)}' is not a folder.");

    public override FolderHandle Reopen() => new PortableFolder(Path);

    public override SafeFileHandle OpenRead(string name) =>
        File.OpenHandle(PathOf(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    public override SafeFileHandle OpenWrite(string name) => File.OpenHandle(PathOf(name), FileMode.Open, FileAccess.ReadWrite);

    public override SafeFileHandle CreateFile(string name) => new DurableFiles().Create(PathOf(name));

    public override void CreateFolder(string name, int mode) => Directory.CreateDirectory(PathOf(name));

    public override void CreateLink(string name, string target) => File.CreateSymbolicLink(PathOf(name), target);

    public override void CreateHardLink(string name, FolderHandle to, string newName) => throw new NotSupportedException();

    public override void CreateSpecial(string name, FileEntry entry) => throw new NotSupportedException();

    public override void Rename(string name, FolderHandle to, string newName)
    {
        var (from, created) = (PathOf(name), TreeAccess.Join(to.Path, newName));
        if (FactsOf(created) is not null)
        {
            throw new IOException($"'{created}' appeared meanwhile.", FileExists);
        }

        if (Look(name)?.Kind == EntryKind.Folder)
        {
            Directory.Move(from, created);
        }
        else
        {
            File.Move(from, created);
        }
    }

    public override bool TryExchange(string name, FolderHandle to, string newName) => false;

    public override void Remove(string name) => File.Delete(PathOf(name));

    public override void RemoveFolder(string name) => Directory.Delete(PathOf(name));

    public override void Apply(SafeFileHandle file, FileEntry entry, AttributeProblems problems)
    {
        if (entry.Mode >= 0 && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, (UnixFileMode)entry.Mode);
        }

        File.SetLastWriteTimeUtc(file, TimeOf(entry));
        Note(entry, problems);
    }

    public override void Apply(string name, FileEntry entry, AttributeProblems problems) => Note(entry, problems);

    public override void ApplySelf(FileEntry entry, AttributeProblems problems)
    {
        if (entry.Mode >= 0 && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path, (UnixFileMode)entry.Mode);
        }

        Directory.SetLastWriteTimeUtc(Path, TimeOf(entry));
        Note(entry, problems);
    }

    public override void ApplyExisting(string name, FileEntry entry, AttributeProblems problems)
    {
        if (Look(name) is { Kind: EntryKind.Folder })
        {
            new PortableFolder(PathOf(name)).ApplySelf(entry, problems);
        }
        else if (entry.Mode >= 0 && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(PathOf(name), (UnixFileMode)entry.Mode);
        }
    }

    public override void MakePrivate()
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public override void Sync() => new DurableFiles().SyncDirectory(Path);

    public override void SyncVolume() => new DurableFiles().SyncVolume(Path);

    protected override void Dispose(bool disposing)
    {
    }

    private static DateTime TimeOf(FileEntry entry) => entry.Modified.ToDateTimeOffset().UtcDateTime;

    private static void Note(FileEntry entry, AttributeProblems problems)
    {
        foreach (var attribute in entry.Attributes)
        {
            problems.Add($"attribute {PathCodec.Display(attribute.Name)}", entry.Path, "this platform has none");
        }
    }

    private static PlaceFacts? FactsOf(string path)
    {
        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        if (!info.Exists && info.LinkTarget is null)
        {
            return null;
        }

        var kind = info.LinkTarget is not null ? EntryKind.Link : info is DirectoryInfo ? EntryKind.Folder : EntryKind.File;
        var mode = OperatingSystem.IsWindows() || kind == EntryKind.Link ? -1 : (int)info.UnixFileMode;
        return new PlaceFacts(kind, mode, -1, 1, kind == EntryKind.File ? ((FileInfo)info).Length : 0, default, 0);
    }

    private string PathOf(string name) => TreeAccess.Join(Path, name);
}
