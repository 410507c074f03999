using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>A real volume that is really full, at many degrees of fullness.</summary>
public sealed class FullVolumeTests
{
    [FullVolumeTheory]
    [InlineData(0)]
    [InlineData(4_096)]
    [InlineData(20_000)]
    [InlineData(100_000)]
    [InlineData(400_000)]
    [InlineData(1_000_000)]
    public void A_backup_into_a_full_repository_fails_and_harms_nothing(int free)
    {
        using var source = new TestFolder();
        using var volume = new FullVolume(24);
        SampleDatabase.Create(source["app.db"], 3000);
        using var repository = Repository.Create(volume["r"], null);
        var first = repository.BackUp(source["app.db"]);
        SampleDatabase.Change(source["app.db"], "UPDATE notes SET embedding = randomblob(600)");
        volume.FillUp(free);

        var error = Assert.Throws<MaintenanceException>(() => repository.BackUp(source["app.db"]));
        Assert.Equal(ErrorCode.DiskFull, error.Code);
        Assert.Single(new SnapshotCatalog(repository).List());
        Assert.Empty(Directory.EnumerateFileSystemEntries(volume["r/tmp"]));
        Assert.Empty(repository.Store.List("leases/"));

        // What was there before is whole, and with room again the next backup succeeds.
        repository.Restore(first, source["out.db"]);
        Assert.Equal(3000, first.Tables.Single(t => t.Name == "notes").Rows);
        volume.MakeRoom();
        Assert.True(repository.Prove(repository.BackUp(source["app.db"]), VerificationLevel.Restore).Passed);
        Assert.Empty(repository.Check());
    }

    [FullVolumeTheory]
    [InlineData(0)]
    [InlineData(300_000)]
    [InlineData(1_200_000)]
    public void A_restore_onto_a_full_volume_leaves_the_old_state(int free)
    {
        using var other = new TestFolder();
        using var volume = new FullVolume(24);
        SampleDatabase.Create(volume["app.db"], 3000, 4096, "delete");
        Directory.CreateDirectory(volume["files"]);
        File.WriteAllBytes(volume["files/a"], new byte[900_000]);
        using var repository = Repositories.New(other);
        var database = repository.BackUp(volume["app.db"]);
        var tree = repository.BackUpFiles(volume["files"]);
        SampleDatabase.Change(volume["app.db"], "DELETE FROM notes WHERE id > 10");
        File.WriteAllText(volume["files/a"], "changed");
        var before = SampleDatabase.Fingerprint(volume["app.db"]);
        volume.FillUp(free);

        Assert.Equal(ErrorCode.DiskFull, Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(database)).Code);
        Assert.Equal(ErrorCode.DiskFull, Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(tree)).Code);
        Assert.Equal(before, SampleDatabase.Fingerprint(volume["app.db"]));
        Assert.Equal("changed", File.ReadAllText(volume["files/a"]));
        Assert.Equal(["app.db", "ballast", "files"], Directory.EnumerateFileSystemEntries(volume[""]).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        volume.MakeRoom();
        repository.RestoreInPlace(database);
        repository.RestoreInPlace(tree, force: true);
        Assert.Equal(900_000, new FileInfo(volume["files/a"]).Length);
    }
}
