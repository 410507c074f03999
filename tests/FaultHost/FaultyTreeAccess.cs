using MaintenanceOps.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.FaultHost;

/// <summary>The real tree; what changes it is counted.</summary>
internal sealed class FaultyTreeAccess(TreeAccess real, StepCounter fault) : TreeAccess
{
    public override FileFacts? Facts(string path) => real.Facts(path);

    public override string? MadeUpBy(string path) => real.MadeUpBy(path);

    public override IReadOnlyList<string> Names(string folder) => real.Names(folder);

    public override string ReadLink(string path) => real.ReadLink(path);

    public override SafeFileHandle OpenRead(string path) => real.OpenRead(path);

    public override SafeFileHandle OpenWrite(string path) => real.OpenWrite(path);

    public override SafeFileHandle Create(string path) => fault.Step(() => real.Create(path));

    public override void CreateFolder(string path) => fault.Step(() => real.CreateFolder(path));

    public override void CreateLink(string path, string target) => fault.Step(() => real.CreateLink(path, target));

    public override void CreateHardLink(string existing, string path) => fault.Step(() => real.CreateHardLink(existing, path));

    public override void Rename(string from, string to) => fault.Step(() => real.Rename(from, to));

    public override void Remove(string path) => fault.Step(() => real.Remove(path));

    public override void RemoveFolder(string path) => fault.Step(() => real.RemoveFolder(path));

    public override IReadOnlyList<ExtendedAttribute> Attributes(string path, Action<string, string> unread) => real.Attributes(path, unread);

    public override string? Apply(string path, EntryKind kind, int mode, long user, long group, FileTime modified) =>
        fault.Step(() => real.Apply(path, kind, mode, user, group, modified));

    public override (long Start, long End)? NextData(SafeFileHandle file, long offset, long size) => real.NextData(file, offset, size);
}
