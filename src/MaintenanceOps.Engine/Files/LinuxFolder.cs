using System.Runtime.InteropServices;
using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>A folder by its descriptor: every call is one of the <c>*at</c> family, so no path is followed twice.</summary>
internal sealed unsafe class LinuxFolder : FolderHandle
{
    private readonly SafeFileHandle handle;

    private LinuxFolder(SafeFileHandle handle, string path)
        : base(path) => this.handle = handle;

    /// <summary>Opens a folder by its path; links in it are followed.</summary>
    public static LinuxFolder Open(string path) => Open(LinuxCalls.AtCurrent, path, path, follow: true);

    public override PlaceFacts Self => LinuxCalls.Stat(handle, "", Path) ?? throw new FileNotFoundException($"'{PathCodec.Display(Path)}' was removed.");

    public override PlaceFacts? Look(string name) => LinuxCalls.Stat(handle, name, PathOf(name));

    public override IReadOnlyList<string> Names()
    {
        // A descriptor of its own: readdir moves the position, which duplicates share.
        fixed (byte* self = "."u8)
        {
            var descriptor = LinuxCalls.OpenAt(handle, self, LinuxCalls.ReadOnly | LinuxCalls.Directory | LinuxCalls.CloseOnExec, 0);
            var stream = descriptor < 0 ? 0 : LinuxCalls.OpenStream(descriptor);
            return stream != 0 ? LinuxCalls.ReadNames(stream, Path) : throw LinuxCalls.Failed("list", Path);
        }
    }

    public override string ReadLink(string name)
    {
        var buffer = new byte[4096];
        fixed (byte* encoded = LinuxCalls.Name(name))
        fixed (byte* into = buffer)
        {
            var length = LinuxCalls.ReadLinkAt(handle, encoded, into, buffer.Length);
            return length >= 0 ? PathCodec.Decode(buffer.AsSpan(0, (int)length)) : throw LinuxCalls.Failed("read the link", PathOf(name));
        }
    }

    public override FolderHandle OpenFolder(string name) => Open(name, PathOf(name));

    public override FolderHandle Reopen() => Open(".", Path);

    public override SafeFileHandle OpenRead(string name) => OpenFile(name, LinuxCalls.ReadOnly | LinuxCalls.NonBlocking, 0);

    public override SafeFileHandle OpenWrite(string name) => OpenFile(name, LinuxCalls.ReadWrite, 0);

    public override SafeFileHandle CreateFile(string name) => OpenFile(name, LinuxCalls.ReadWrite | LinuxCalls.Create | LinuxCalls.Exclusive, 0x180);

    public override void CreateFolder(string name, int mode)
    {
        fixed (byte* encoded = LinuxCalls.Name(name))
        {
            Check(LinuxCalls.MakeFolderAt(handle, encoded, (uint)mode), "make the folder", name);
        }
    }

    public override void CreateLink(string name, string target)
    {
        fixed (byte* to = LinuxCalls.Name(target))
        fixed (byte* encoded = LinuxCalls.Name(name))
        {
            Check(LinuxCalls.MakeLinkAt(to, handle, encoded), "make the link", name);
        }
    }

    public override void CreateHardLink(string name, FolderHandle to, string newName)
    {
        var other = (LinuxFolder)to;
        fixed (byte* existing = LinuxCalls.Name(name))
        fixed (byte* created = LinuxCalls.Name(newName))
        {
            other.Check(LinuxCalls.LinkAt(handle, existing, other.handle, created, 0), "make the name", newName);
        }
    }

    public override void CreateSpecial(string name, FileEntry entry)
    {
        fixed (byte* encoded = LinuxCalls.Name(name))
        {
            Check(LinuxCalls.MakeNode(handle, encoded, entry), "make", name);
        }
    }

    public override void Rename(string name, FolderHandle to, string newName)
    {
        if (Move(name, to, newName, LinuxCalls.NoReplace))
        {
            return;
        }

        // A file system that cannot do both in one step.
        var other = (LinuxFolder)to;
        if (other.Look(newName) is not null)
        {
            throw new IOException($"'{PathCodec.Display(other.PathOf(newName))}' appeared meanwhile.", LinuxCalls.Exists);
        }

        fixed (byte* from = LinuxCalls.Name(name))
        fixed (byte* created = LinuxCalls.Name(newName))
        {
            other.Check(LinuxCalls.RenameAt(handle, from, other.handle, created), "rename to", newName);
        }
    }

    public override bool TryExchange(string name, FolderHandle to, string newName) => Move(name, to, newName, LinuxCalls.Exchange);

    public override void Remove(string name) => Unlink(name, 0);

    public override void RemoveFolder(string name) => Unlink(name, LinuxCalls.RemoveFolder);

    public override void Apply(SafeFileHandle file, FileEntry entry, AttributeProblems problems) => LinuxAttributeWriter.Apply(file, entry, problems);

    public override void Apply(string name, FileEntry entry, AttributeProblems problems) => LinuxAttributeWriter.Apply(handle, name, entry, problems);

    public override void ApplySelf(FileEntry entry, AttributeProblems problems) => LinuxAttributeWriter.Apply(handle, entry, problems);

    public override void ApplyExisting(string name, FileEntry entry, AttributeProblems problems)
    {
        if (Look(name) is { Kind: EntryKind.Folder })
        {
            using var folder = OpenFolder(name);
            folder.ApplySelf(entry, problems);
            return;
        }

        using var file = OpenRead(name);
        if (LinuxCalls.Stat(file, "", PathOf(name)) is { Kind: EntryKind.File, Links: 1 })
        {
            Apply(file, entry, problems);
        }
        else
        {
            problems.Add("owner and permissions", entry.Path, "it is no file, or has further names");
        }
    }

    public override void MakePrivate() => LinuxAttributeWriter.MakePrivate(handle);

    public override void Sync()
    {
        if (LinuxCalls.FSync(handle) != 0 && Marshal.GetLastPInvokeError() is var error && !DurableFiles.CannotSync(error))
        {
            throw new IOException($"Cannot make the names in '{PathCodec.Display(Path)}' durable: {Marshal.GetPInvokeErrorMessage(error)}", error);
        }
    }

    public override void SyncVolume()
    {
        if (LinuxCalls.SyncFs(handle) != 0)
        {
            throw LinuxCalls.Failed("make durable", Path);
        }
    }

    protected override void Dispose(bool disposing) => handle.Dispose();

    private LinuxFolder Open(string name, string path)
    {
        var opened = Open((int)handle.DangerousGetHandle(), name, path, follow: false);
        GC.KeepAlive(handle);
        return opened;
    }

    private static LinuxFolder Open(int folder, string name, string path, bool follow)
    {
        var flags = LinuxCalls.Directory | LinuxCalls.CloseOnExec | (follow ? 0 : LinuxCalls.NoFollow);
        fixed (byte* encoded = LinuxCalls.Name(name))
        {
            var descriptor = LinuxCalls.OpenAt(folder, encoded, flags | LinuxCalls.ReadOnly, 0);
            if (descriptor < 0 && Marshal.GetLastPInvokeError() == LinuxCalls.NotAllowed)
            {
                // A folder that may be passed through but not listed.
                descriptor = LinuxCalls.OpenAt(folder, encoded, flags | LinuxCalls.PathOnly, 0);
            }

            return descriptor >= 0 ? new LinuxFolder(new SafeFileHandle(descriptor, ownsHandle: true), path) : throw LinuxCalls.Failed("open the folder", path);
        }
    }

    private SafeFileHandle OpenFile(string name, int flags, int mode)
    {
        fixed (byte* encoded = LinuxCalls.Name(name))
        {
            var descriptor = LinuxCalls.OpenAt(handle, encoded, flags | LinuxCalls.NoFollow | LinuxCalls.CloseOnExec, mode);
            return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw LinuxCalls.Failed("open", PathOf(name));
        }
    }

    /// <summary>Moves in one step; false where the system or the file system cannot do it so.</summary>
    private bool Move(string name, FolderHandle to, string newName, uint how)
    {
        var other = (LinuxFolder)to;
        fixed (byte* from = LinuxCalls.Name(name))
        fixed (byte* created = LinuxCalls.Name(newName))
        {
            var result = LinuxCalls.TryRenameAt(handle, from, other.handle, created, how);
            other.Check(result ?? 0, "rename to", newName);
            return result is not null;
        }
    }

    private void Unlink(string name, int flags)
    {
        fixed (byte* encoded = LinuxCalls.Name(name))
        {
            Check(LinuxCalls.UnlinkAt(handle, encoded, flags), "remove", name);
        }
    }

    private void Check(int result, string doing, string name)
    {
        if (result != 0)
        {
            throw LinuxCalls.Failed(doing, PathOf(name));
        }
    }

    private string PathOf(string name) => TreeAccess.Join(Path, name);
}
