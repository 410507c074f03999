using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>What is written down beside a snapshot of how checks of it ended.</summary>
internal static class TestRecords
{
    /// <summary>Stores the record. A repository that cannot be written to is told of and is no failure of the check.</summary>
    public static void Write(Repository repository, TestRecord record, IOperationSink sink)
    {
        var name = TestName.For(record);
        try
        {
            repository.Store.Create(name, SealedObject.Seal(repository.Key, ObjectKind.TestRecord, name, record.ToBytes()));
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.AccessDenied or ErrorCode.DiskFull or ErrorCode.InputOutput)
        {
            sink.Warn($"The result could not be recorded in {repository.Location}: {e.Message}");
        }
    }

    /// <summary>Whether the record under this name was sealed by this repository for this snapshot and says what its name says.</summary>
    public static bool IsGenuine(Repository repository, TestName test, string? name = null) => Read(repository, test, name) is not null;

    /// <summary>The record under this name; null where it is none that <see cref="IsGenuine"/>.</summary>
    public static TestRecord? Read(Repository repository, TestName test, string? name = null)
    {
        try
        {
            name ??= test.ObjectName;
            var bytes = repository.Store.Read(name);
            var record = bytes is null ? null : repository.Unseal(ObjectKind.TestRecord, name, name, bytes, c => TestRecord.FromBytes(c));
            return record is not null && record.Snapshot == test.Snapshot && record.Level == test.Level && TestName.OutcomeOf(record) == test.Outcome ? record : null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return null;
        }
    }
}
