using MaintenanceOps.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.FaultHost;

/// <summary>The real folder; what changes something in it is counted.</summary>
internal sealed class FaultyFolder(FolderHandle real, StepCounter fault) : FolderHandle(real.Path)
{
    public override PlaceFacts Self => real.Self;

    public override PlaceFacts? Look(string name) => real.Look(name);

    public override IReadOnlyList<string> Names() => real.Names();

    public override string ReadLink(string name) => real.ReadLink(name);

    public override FolderHandle OpenFolder(string name) => new FaultyFolder(real.OpenFolder(name), fault);

    public override FolderHandle Reopen() => new FaultyFolder(real.Reopen(), fault);

    public override SafeFileHandle OpenRead(string name) => real.OpenRead(name);

    public override SafeFileHandle OpenWrite(string name) => real.OpenWrite(name);

    public override SafeFileHandle CreateFile(string name) => fault.Step(() => real.CreateFile(name));

    public override void CreateFolder(string name, int mode) => fault.Step(() => real.CreateFolder(name, mode));

    public override void CreateLink(string name, string target) => fault.Step(() => real.CreateLink(name, target));

    public override void CreateHardLink(string name, FolderHandle to, string newName) => fault.Step(() => real.CreateHardLink(name, RealOf(to), newName));

    public override void CreateSpecial(string name, FileEntry entry) => fault.Step(() => real.CreateSpecial(name, entry));

    public override void Rename(string name, FolderHandle to, string newName) => fault.Step(() => real.Rename(name, RealOf(to), newName));

    public override bool TryExchange(string name, FolderHandle to, string newName) => fault.Step(() => real.TryExchange(name, RealOf(to), newName));

    public override void Remove(string name) => fault.Step(() => real.Remove(name));

    public override void RemoveFolder(string name) => fault.Step(() => real.RemoveFolder(name));

    public override void Apply(SafeFileHandle file, FileEntry entry, AttributeProblems problems) => fault.Step(() => real.Apply(file, entry, problems));

    public override void Apply(string name, FileEntry entry, AttributeProblems problems) => fault.Step(() => real.Apply(name, entry, problems));

    public override void ApplySelf(FileEntry entry, AttributeProblems problems) => fault.Step(() => real.ApplySelf(entry, problems));

    public override void ApplyExisting(string name, FileEntry entry, AttributeProblems problems) => fault.Step(() => real.ApplyExisting(name, entry, problems));

    public override void MakePrivate() => fault.Step(real.MakePrivate);

    public override void Sync() => fault.Step(real.Sync);

    public override void SyncVolume() => fault.Step(real.SyncVolume);

    protected override void Dispose(bool disposing) => real.Dispose();

    private static FolderHandle RealOf(FolderHandle folder) => ((FaultyFolder)folder).Real;

    private FolderHandle Real => real;
}
