using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Writes down beside a snapshot how a check of it ended.</summary>
internal static class TestRecords
{
    /// <summary>Stores the record. A repository that cannot be written to is told of and is no failure of the check.</summary>
    public static void Write(Repository repository, TestRecord record, IOperationSink sink)
    {
        var name = SnapshotCatalog.TestName.For(record);
        try
        {
            repository.Store.Create(name, SealedObject.Seal(repository.Key, ObjectKind.TestRecord, name, record.ToBytes()));
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.AccessDenied or ErrorCode.DiskFull or ErrorCode.InputOutput)
        {
            sink.Warn($"The result could not be recorded in {repository.Location}: {e.Message}");
        }
    }
}
