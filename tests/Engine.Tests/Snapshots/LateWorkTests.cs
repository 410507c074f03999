using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Prune;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>Backups and copies that sleep until their lease is dead, beside prunes that do not know of them.</summary>
public sealed class LateWorkTests : IDisposable
{
    private readonly TestFolder folder = new();

    public LateWorkTests()
    {
        Directory.CreateDirectory(folder["tree"]);
        Write("a", 1);
        using var repository = Repositories.New(folder);
        repository.BackUpFiles(folder["tree"], "kept");
        Write("a", 2);
        var old = repository.BackUpFiles(folder["tree"], "old");
        new SnapshotCatalog(repository).Remove(old.Id);
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_prune_that_comes_before_the_manifest_is_pending_costs_the_backup_and_nothing_else()
    {
        var lost = Assert.Throws<MaintenanceException>(() => BackUpWhile("leases/pending-", Now));
        Assert.Equal(ErrorCode.LeaseLost, lost.Code);
        CheckWhole(snapshots: 1);
    }

    [Fact]
    public void A_prune_in_a_hurry_takes_the_name_of_what_is_pending()
    {
        var lost = Assert.Throws<MaintenanceException>(() => BackUpWhile("snapshots/", Now));
        Assert.Equal(ErrorCode.LeaseLost, lost.Code);
        CheckWhole(snapshots: 1);
    }

    [Fact]
    public void A_prune_that_waits_keeps_what_is_pending()
    {
        BackUpWhile("snapshots/", new PruneOptions());
        CheckWhole(snapshots: 2);
    }

    [Fact]
    public void Where_somebody_may_be_at_work_a_prune_dooms_and_a_later_one_removes()
    {
        PruneResult? first = null;
        Assert.Equal(ErrorCode.LeaseLost, Assert.Throws<MaintenanceException>(() => BackUpWhile("packs/", new PruneOptions(), r => first = r)).Code);
        Assert.Equal(0, first!.PacksRemoved);
        Assert.True(first.PacksDoomed > 0 && first.SizeDoomed > 0);
        Assert.Equal(0, first.Freed);

        // What is doomed is not built on: the same content is stored anew.
        Write("a", 2);
        using var repository = Repository.Open(folder["repository"]);
        Assert.True(repository.BackUpFiles(folder["tree"], "anew").StoredSize > 100_000);
        var second = repository.Prune();
        // With them goes what the one that was overtaken had written.
        Assert.Equal((first.PacksDoomed + 1, 0), (second.PacksRemoved, second.PacksDoomed));
        Assert.Empty(repository.Store.List(Dooms.Folder));
        CheckWhole(snapshots: 2);
    }

    [Fact]
    public void The_grace_is_by_the_stores_clock()
    {
        using var repository = Repository.Open(folder["repository"]);
        using var other = repository.Store.TryLock(alone: false);
        Assert.NotNull(other);
        Assert.True(repository.Prune().PacksDoomed > 0);
        Assert.Equal(0, repository.Prune().PacksRemoved);
        Assert.Equal(0, repository.Prune(new PruneOptions { Grace = TimeSpan.FromHours(1) }).PacksRemoved);
        foreach (var record in Directory.EnumerateFiles(folder["repository/doomed"]))
        {
            File.SetLastWriteTimeUtc(record, DateTime.UtcNow.AddHours(-2));
        }

        Assert.Equal(0, repository.Prune().PacksRemoved);
        Assert.Equal(1, repository.Prune(new PruneOptions { Grace = TimeSpan.FromHours(1) }).PacksRemoved);
        CheckWhole(snapshots: 1);
    }

    [Fact]
    public void A_doomed_pack_that_a_snapshot_came_to_need_is_kept_and_its_blocks_move()
    {
        using var repository = Repository.Open(folder["repository"]);
        var snapshot = repository.BackUpFiles(folder["tree"], "new");
        repository.Dooms.Announce([.. repository.Store.List("packs/").Select(o => o.Name)], CancellationToken.None);
        repository.ForgetIndex();
        var result = repository.Prune();
        Assert.True(result.PacksRewritten > 0);
        Assert.Empty(repository.Check());
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
        repository.Prune();
        Assert.Empty(repository.Store.List(Dooms.Folder));
        CheckWhole(snapshots: 2);
    }

    [Fact]
    public void A_copy_is_overtaken_like_a_backup()
    {
        Repository.Create(folder["second"], null).Dispose();
        using var from = Repository.Open(folder["repository"]);
        using var to = Hooked(folder["second"], "leases/pending-", Now, null);
        var snapshot = new SnapshotCatalog(from).List()[0];
        Assert.Equal(ErrorCode.LeaseLost, Assert.Throws<MaintenanceException>(() => new SnapshotCopy(from, to, SilentSink.Instance).Run(snapshot)).Code);
        using var second = Repository.Open(folder["second"]);
        Assert.Empty(second.ManifestIds());
        new SnapshotCopy(from, second, SilentSink.Instance).Run(snapshot);
        new SnapshotCopy(from, second, SilentSink.Instance).Run(snapshot);
        Assert.Single(second.ManifestIds());
        Assert.Empty(second.Check());
    }

    [Fact]
    public void A_doom_that_cannot_be_read_stops_writers_until_a_prune_has_doomed_anew()
    {
        using var repository = Repository.Open(folder["repository"]);
        Directory.CreateDirectory(folder["repository/doomed"]);
        File.WriteAllText(folder["repository/doomed/x"], "not a record");
        Assert.Equal(ErrorCode.RepositoryDamaged, Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["tree"])).Code);
        Assert.True(repository.Prove(new SnapshotCatalog(repository).List()[0], VerificationLevel.Full).Passed);
        repository.Prune();
        repository.BackUpFiles(folder["tree"]);
    }

    [Fact]
    public void A_manifest_that_stayed_pending_is_given_up_when_nobody_is_at_work()
    {
        using var repository = Repository.Open(folder["repository"]);
        var id = repository.ManifestIds().First();
        var dead = repository.Key.NameOf("another"u8);
        repository.Store.Create(Manifest.PendingName(dead), "cut short"u8);
        repository.Store.Create(Manifest.PendingName(id), repository.Store.Read(Manifest.ObjectName(id)));
        repository.Prune();
        Assert.Empty(repository.Store.List("leases/"));
        Assert.Equal([id], repository.ManifestIds());
        Assert.False(repository.Store.Create(Manifest.ObjectName(dead), "late"u8));
        CheckWhole(snapshots: 1);
    }

    private static readonly PruneOptions Now = new() { Now = true };

    private void BackUpWhile(string prefix, PruneOptions options, Action<PruneResult>? tell = null)
    {
        Write("a", 3);
        using var repository = Hooked(folder["repository"], prefix, options, tell);
        repository.BackUpFiles(folder["tree"], "late");
    }

    /// <summary>A repository in which a prune runs in front of the first creation of an object with the prefix, as if the lease were dead.</summary>
    private static Repository Hooked(string place, string prefix, PruneOptions options, Action<PruneResult>? tell)
    {
        var done = false;
        return Repository.Open(
            new HookedStore(new LocalObjectStore(place), name =>
            {
                if (!done && name.StartsWith(prefix, StringComparison.Ordinal))
                {
                    done = true;
                    using var other = Repository.Open(place);
                    other.Store.List("leases/shared-").ToList().ForEach(l => other.Store.Delete(l.Name));
                    var result = other.Prune(options with { Force = true });
                    tell?.Invoke(result);
                }
            }),
            null,
            TimeProvider.System);
    }

    private void CheckWhole(int snapshots)
    {
        using var repository = Repository.Open(folder["repository"]);
        Assert.Equal(snapshots, repository.ManifestIds().Count());
        Assert.Empty(repository.Check());
        repository.BackUpFiles(folder["tree"], "after");
        repository.Prune();
        Assert.Empty(repository.Check());
    }

    private void Write(string name, int seed)
    {
        var bytes = new byte[300_000];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(folder[$"tree/{name}"], bytes);
    }
}
