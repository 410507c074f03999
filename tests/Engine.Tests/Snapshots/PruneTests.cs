using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Leases;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

public sealed class PruneTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Frees_what_no_snapshot_needs_and_keeps_the_rest_whole()
    {
        using var repository = Repositories.New(folder);
        var kept = FillAndRemove(repository);
        var plan = repository.Prune(dryRun: true);
        var result = repository.Prune();

        Assert.True(result.PacksRemoved > 0);
        Assert.True(result.PacksRewritten > 0);
        Assert.Equal((plan.PacksRemoved, plan.PacksRewritten, plan.ObjectsRemoved), (result.PacksRemoved, result.PacksRewritten, result.ObjectsRemoved));
        Assert.InRange(result.SizeAfter, plan.SizeAfter * 0.9, plan.SizeAfter * 1.1);
        Assert.InRange(repository.Store.List("").Sum(o => o.Size), result.SizeAfter * 0.95, result.SizeAfter * 1.05);
        Assert.All(kept, s => Assert.True(repository.Prove(s, VerificationLevel.Restore).Passed));
        Assert.Empty(repository.Check());
        var again = repository.Prune();
        Assert.Equal((0, 0), (again.PacksRemoved, again.PacksRewritten));
    }

    [Fact]
    public void Dry_run_changes_nothing()
    {
        using var repository = Repositories.New(folder);
        FillAndRemove(repository);
        var before = TreeImage.Of(folder["repository"]);
        repository.Prune(dryRun: true);
        Assert.Equal(before, TreeImage.Of(folder["repository"]));
    }

    [Fact]
    public void A_running_backup_refuses_it_and_a_dead_one_does_not()
    {
        using var repository = Repositories.New(folder);
        FillAndRemove(repository);
        using (repository.Share("backup of app/main", CancellationToken.None))
        {
            var refused = Assert.Throws<MaintenanceException>(() => repository.Prune());
            Assert.Equal(ErrorCode.RepositoryLocked, refused.Code);
            Assert.Contains("backup of app/main", refused.Message, StringComparison.Ordinal);
        }

        // A process of this machine that is gone.
        repository.Store.Create("leases/shared-dead", Lease.Serialize(new LeaseContent { Token = "dead", Place = ProcessIdentity.Place, ProcessId = int.MaxValue, ProcessStarted = 1, DurationSeconds = 3600 }));
        repository.Prune();

        // A holder on another machine whose lease has not moved for its duration, whatever its clock says.
        repository.Store.Create("leases/shared-far", Lease.Serialize(new LeaseContent { Token = "far", Place = "elsewhere", DurationSeconds = 1.5 }));
        repository.Prune();
        Assert.Empty(repository.Store.List("leases/"));
    }

    [Fact]
    public void Two_at_once_do_not_harm_each_other()
    {
        using (var repository = Repositories.New(folder))
        {
            FillAndRemove(repository);
        }

        var outcomes = new System.Collections.Concurrent.ConcurrentBag<string>();
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var own = Repository.Open(folder["repository"]);
            try
            {
                own.Prune();
                outcomes.Add("done");
            }
            catch (MaintenanceException e) when (e.Code is ErrorCode.RepositoryLocked or ErrorCode.LeaseLost)
            {
                outcomes.Add("refused");
            }
        });
        Assert.Contains("done", outcomes);
        using var check = Repository.Open(folder["repository"]);
        Assert.Empty(check.Check());
    }

    [Fact]
    public void Beside_backups_nothing_is_lost()
    {
        using (var repository = Repositories.New(folder))
        {
            FillAndRemove(repository);
        }

        var failures = new System.Collections.Concurrent.ConcurrentBag<Exception>();
        var backups = new Thread(() =>
        {
            try
            {
                for (var i = 0; i < 6; i++)
                {
                    using var own = Repository.Open(folder["repository"]);
                    SampleDatabase.Change(folder["app.db"], $"UPDATE notes SET embedding = randomblob(300) WHERE id % 7 = {i}");
                    var snapshot = own.BackUp(folder["app.db"]);
                    new SnapshotCatalog(own).Remove(new SnapshotCatalog(own).List()[0].Id);
                }
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        });
        backups.Start();
        while (backups.IsAlive)
        {
            try
            {
                using var own = Repository.Open(folder["repository"]);
                own.Prune();
            }
            catch (MaintenanceException e) when (e.Code == ErrorCode.RepositoryLocked)
            {
                Thread.Sleep(5);
            }
        }

        Assert.Empty(failures);
        using var check = Repository.Open(folder["repository"]);
        Assert.Empty(check.Check());
        Assert.All(new SnapshotCatalog(check).List(), s => Assert.True(check.Prove(s, VerificationLevel.Restore).Passed));
    }

    /// <summary>A dead pack, a half dead one, and what is to be kept.</summary>
    private List<Snapshot> FillAndRemove(Repository repository)
    {
        SampleDatabase.Create(folder["other.db"], 500);
        SampleDatabase.Change(folder["other.db"], "DROP INDEX notes_user; UPDATE users SET name = hex(randomblob(40)); UPDATE notes SET body = hex(randomblob(200)); VACUUM");
        var other = repository.BackUp(folder["other.db"], "other");
        SampleDatabase.Create(folder["app.db"], 1000);
        repository.BackUp(folder["app.db"]);
        SampleDatabase.Change(folder["app.db"], "UPDATE notes SET embedding = randomblob(300) WHERE id > 200");
        var middle = repository.BackUp(folder["app.db"]);
        SampleDatabase.Change(folder["app.db"], "UPDATE notes SET embedding = randomblob(300) WHERE id > 500");
        repository.BackUp(folder["app.db"]);
        var catalog = new SnapshotCatalog(repository);
        catalog.Remove(other.Id);
        catalog.Remove(middle.Id);
        return [.. catalog.List()];
    }
}
