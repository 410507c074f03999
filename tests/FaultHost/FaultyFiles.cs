using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.FaultHost;

/// <summary>The real steps, each one counted.</summary>
internal sealed class FaultyFiles(StepCounter fault) : DurableFiles
{
    public override SafeFileHandle Create(string path) => fault.Step(() => base.Create(path));

    public override void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        var copy = bytes.ToArray();
        fault.Step(() => base.Write(file, copy, offset), () => base.Write(file, copy.AsSpan(0, copy.Length / 2), offset));
    }

    public override void Sync(SafeFileHandle file) => fault.Step(() => base.Sync(file));

    public override void Rename(string from, string to, bool overwrite) => fault.Step(() => base.Rename(from, to, overwrite));

    public override bool TryLink(string existing, string created) => fault.Step(() => base.TryLink(existing, created));

    public override void SyncDirectory(string path) => fault.Step(() => base.SyncDirectory(path));

    public override void SyncVolume(string path) => fault.Step(() => base.SyncVolume(path));

    public override void Delete(string path) => fault.Step(() => base.Delete(path));

    public override void CreateFolderIn(RootFolder root, string relative) => fault.Step(() => base.CreateFolderIn(root, relative));

    public override void CreateDirectory(string path) => fault.Step(() => base.CreateDirectory(path));
}
