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

    public override IReadOnlyList<ExtendedAttribute> Attributes(string path, Action<string, string> unread) => real.Attributes(path, unread);

    public override SafeFileHandle OpenRead(string path) => real.OpenRead(path);

    public override FolderHandle OpenFolder(string path) => new FaultyFolder(real.OpenFolder(path), fault);

    public override (long Start, long End)? NextData(SafeFileHandle file, long offset, long size) => real.NextData(file, offset, size);
}
