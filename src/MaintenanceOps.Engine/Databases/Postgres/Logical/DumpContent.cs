using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>The dumped files of one database in a snapshot.</summary>
internal sealed class DumpContent : IDumpSource
{
    private readonly Repository repository;
    private readonly IOperationSink sink;
    private readonly Snapshot snapshot;
    private readonly FileEntry definitions;
    private readonly List<FileEntry> data;

    public DumpContent(Repository repository, IOperationSink sink, Snapshot snapshot, Manifest manifest, PostgresDatabase facts)
    {
        (this.repository, this.sink, this.snapshot) = (repository, sink, snapshot);
        var folder = DumpPlan.FolderOf(facts.Name) + "/";
        var (whole, schema) = (DumpPlan.PathOf(facts.Name), DumpPlan.SchemaOf(facts.Name));
        var entries = Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, default)).Where(e => e.Path == whole || e.Path.StartsWith(folder, StringComparison.Ordinal)).ToList();
        definitions = entries.Find(e => e.Path == whole) ?? entries.Find(e => e.Path == schema)
            ?? throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"Snapshot {snapshot.ShortId} has no dump of '{facts.Name}'.", snapshot.Id);
        IsOnePiece = definitions.Path == whole;
        data = IsOnePiece ? [definitions] : entries.FindAll(e => e.Kind == EntryKind.File && e != definitions);
    }

    public int DataCount => data.Count;

    public bool IsOnePiece { get; }

    public void WriteDefinitions(Stream output, CancellationToken cancellation) => EntryContent.CopyTo(repository, snapshot.Id, definitions, output, cancellation);

    public void WriteData(int number, Stream output, CancellationToken cancellation)
    {
        EntryContent.CopyTo(repository, snapshot.Id, data[number], output, cancellation);
        sink.Progress($"Restoring {snapshot.Source}", data[number].Size, snapshot.Size);
    }
}
