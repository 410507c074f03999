using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>A prune knows which snapshots there must be, and does not take one for removed because it does not see it.</summary>
public sealed class RollTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly Repository repository;

    public RollTests()
    {
        repository = Repositories.New(folder);
        Directory.CreateDirectory(folder["tree"]);
    }

    public void Dispose()
    {
        repository.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void One_that_a_later_one_names_is_missed()
    {
        var (first, _) = (BackUp(1), BackUp(2));
        Lose(first);
        AssertMissing(first);
    }

    [Fact]
    public void One_that_was_tested_is_missed()
    {
        var newest = (BackUp(1), BackUp(2)).Item2;
        repository.Prove(newest, VerificationLevel.Full);
        Lose(newest);
        AssertMissing(newest);
    }

    [Fact]
    public void One_that_the_last_prune_saw_is_missed()
    {
        var newest = (BackUp(1), BackUp(2)).Item2;
        repository.Prune();
        Lose(newest);
        AssertMissing(newest);
        repository.Prune(force: true);
        repository.Prune();
        Assert.Empty(repository.Check());
    }

    [Fact]
    public void One_that_was_removed_is_not()
    {
        var (first, second) = (BackUp(1), BackUp(2));
        repository.Prove(second, VerificationLevel.Full);
        repository.Prune();
        var catalog = new SnapshotCatalog(repository);
        catalog.Remove(first.Id);
        Assert.True(repository.Prune().Freed > 100_000);
        BackUp(3);
        catalog.Remove(second.Id);
        Assert.True(repository.Prune().Freed > 100_000);
        Assert.Single(repository.ManifestIds());
        Assert.Empty(repository.Check());
    }

    [Fact]
    public void A_tombstone_goes_when_nothing_names_its_snapshot()
    {
        var first = BackUp(1);
        BackUp(2);
        var catalog = new SnapshotCatalog(repository);
        catalog.Remove(first.Id);
        var tombstone = folder[$"repository/removed/{first.Id}"];
        File.SetLastWriteTimeUtc(tombstone, DateTime.UtcNow.AddDays(-31));
        repository.Prune();
        Assert.True(File.Exists(tombstone));
        catalog.Remove(catalog.List()[0].Id);
        BackUp(3);
        repository.Prune();
        repository.Prune();
        Assert.False(File.Exists(tombstone));
    }

    [Fact]
    public void A_damaged_snapshot_keeps_what_is_left_of_it_and_blocks_nothing()
    {
        SampleDatabase.Create(folder["app.db"], 2000);
        var kept = repository.BackUp(folder["app.db"]);
        var gone = BackUp(1);
        new SnapshotCatalog(repository).Remove(gone.Id);
        var hurt = BackUp(2);
        var pack = repository.Store.List("packs/").MaxBy(o => o.Modified).Name;
        repository.Store.Delete(pack);
        repository.ForgetIndex();
        var result = repository.Prune();
        Assert.Equal((0, 1), (result.PacksRemoved, result.PacksDoomed));
        Assert.True(repository.Prune(new PruneOptions { Now = true }).Freed > 100_000);
        Assert.NotNull(repository.Store.Read(Manifest.ObjectName(hurt.Id)));
        Assert.True(repository.Prove(kept, VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void A_database_with_a_hole_costs_itself_alone()
    {
        SampleDatabase.Create(folder["app.db"], 2000);
        var kept = BackUp(1);
        var gone = BackUp(2);
        var hurt = repository.BackUp(folder["app.db"]);
        repository.Store.Delete(repository.Store.List("packs/").MaxBy(o => o.Modified).Name);
        repository.ForgetIndex();
        new SnapshotCatalog(repository).Remove(gone.Id);
        Assert.True(repository.Prune().Freed > 100_000);
        Assert.NotNull(repository.Store.Read(Manifest.ObjectName(hurt.Id)));
        Assert.True(repository.Prove(kept, VerificationLevel.Restore).Passed);
        SampleDatabase.Change(folder["app.db"], "UPDATE users SET name = name");
        Assert.True(repository.Prove(repository.BackUp(folder["app.db"]), VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void One_whose_needs_cannot_be_told_is_named_with_the_way_out()
    {
        BackUp(1);
        var odd = BackUp(2);
        File.WriteAllText(folder[$"repository/snapshots/{odd.Id}"], "no manifest");
        using var fresh = Repository.Open(folder["repository"]);
        var refused = Assert.Throws<MaintenanceException>(() => fresh.Prune());
        Assert.Equal(ErrorCode.SnapshotDamaged, refused.Code);
        Assert.Contains($"Remove-Snapshot {odd.Id}", refused.Message, StringComparison.Ordinal);
        new SnapshotCatalog(fresh).Remove(odd.Id);
        Assert.True(fresh.Prune().PacksRemoved > 0);
    }

    private void AssertMissing(Snapshot snapshot)
    {
        var packs = repository.Store.List("packs/").Select(o => o.Name).ToHashSet();
        using var fresh = Repository.Open(folder["repository"]);
        var refused = Assert.Throws<MaintenanceException>(() => fresh.Prune(new PruneOptions { Now = true }));
        Assert.Equal(ErrorCode.SnapshotsMissing, refused.Code);
        Assert.Contains(snapshot.Id, refused.Message, StringComparison.Ordinal);
        Assert.Equal(packs, fresh.Store.List("packs/").Select(o => o.Name).ToHashSet());
    }

    private void Lose(Snapshot snapshot) => File.Delete(folder[$"repository/snapshots/{snapshot.Id}"]);

    private Snapshot BackUp(int seed)
    {
        var bytes = new byte[300_000];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(folder["tree/a"], bytes);
        return repository.BackUpFiles(folder["tree"]);
    }
}
