using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>What a person relies on: nothing broken looks sound, and nothing is thrown away by a slip.</summary>
public sealed class TrustTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_damaged_database_inside_a_tree_is_warned_of_and_fails_its_drill()
    {
        Directory.CreateDirectory(folder["site"]);
        SampleDatabase.Create(folder["site/app.db"], 2000, 4096, "delete");
        Scribble(folder["site/app.db"], 20 * 4096);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["site"]);

        Assert.Contains("integrity check", Assert.Single(snapshot.Warnings), StringComparison.Ordinal);
        var test = repository.Prove(snapshot, VerificationLevel.Restore);
        Assert.False(test.Passed);
        Assert.Contains(test.Findings, f => f.Rule == "IntegrityCheckFailed" && f.ObjectName == "app.db");
    }

    [Fact]
    public void A_repository_is_left_out_of_its_own_backup()
    {
        File.WriteAllText(folder["a.txt"], "content");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder.Path);
        Assert.DoesNotContain(new SnapshotItems(repository).List(snapshot, []), i => i.Path.Contains("repository", StringComparison.Ordinal));
    }

    [Fact]
    public void A_repository_is_no_place_for_anything_else()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Directory.CreateSymbolicLink(folder["link"], folder["repository"]);
        foreach (var place in new[] { "repository", "repository/packs/out.db", "link/out.db" })
        {
            Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder[place])).Code);
            Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => new SnapshotExport(repository, SilentSink.Instance).Run(snapshot, Path.Combine(folder[place], "out.tar.gz"), force: true)).Code);
        }

        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => Repository.Create(folder["link/inner"], null)).Code);
        Assert.Empty(repository.Check());
    }

    [Theory]
    [InlineData(1926)]
    [InlineData(1969)]
    [InlineData(9999)]
    public void A_clock_that_no_reader_would_believe_takes_no_snapshot(int year)
    {
        SampleDatabase.Create(folder["app.db"]);
        using (Repositories.New(folder))
        {
        }

        using var repository = Repository.Open(folder["repository"], null, new SetClock { Now = new DateTimeOffset(year, 12, 31, 0, 0, 0, TimeSpan.Zero) });
        Assert.Contains("clock", Assert.Throws<MaintenanceException>(() => repository.BackUp(folder["app.db"])).Message, StringComparison.Ordinal);
        Assert.Contains("clock", Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["app.db"])).Message, StringComparison.Ordinal);
        Assert.Empty(new SnapshotCatalog(repository).List());
    }

    [Fact]
    public void A_prune_without_any_snapshot_is_refused_and_a_check_tells_of_it()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Full).Passed);
        Directory.Move(folder["repository/snapshots"], folder["elsewhere"]);

        Assert.Equal(ErrorCode.RetentionSuspicious, Assert.Throws<MaintenanceException>(() => repository.Prune()).Code);
        Assert.Equal(["NoSnapshot", "SnapshotLost"], repository.Check(VerificationLevel.Quick).Select(f => f.Rule).Order(StringComparer.Ordinal));

        Directory.Move(folder["elsewhere"], folder["repository/snapshots"]);
        Assert.Empty(repository.Check());
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);

        // Removed in the ordinary way, by name, it can be freed by name too.
        new SnapshotCatalog(repository).Remove(snapshot.Id);
        Assert.Throws<MaintenanceException>(() => repository.Prune());
        repository.Prune(force: true);
        Assert.Empty(repository.Store.List("packs/"));
        Assert.Empty(repository.Check());
    }

    [Fact]
    public void What_a_check_of_the_repository_finds_stands_in_the_list_and_goes_when_it_is_mended()
    {
        SampleDatabase.Create(folder["app.db"], 2000);
        using var repository = Repositories.New(folder);
        using var second = Repository.Create(folder["second"], null);
        var snapshot = repository.BackUp(folder["app.db"]);
        var copy = new SnapshotCopy(repository, second, SilentSink.Instance).Run(snapshot);
        Scribble(Path.Combine(folder["repository"], repository.Store.List("packs/").First().Name), 5000);

        using (var fresh = Repository.Open(folder["repository"]))
        {
            Assert.Contains(fresh.Check(), f => f.Rule == "SnapshotDamaged");
            var listed = new SnapshotCatalog(fresh).Find(snapshot.Id);
            Assert.True(listed.Damaged);
            Assert.Equal(ErrorCode.VerificationFailed, Assert.Throws<MaintenanceException>(() => fresh.Restore(listed, folder["out.db"])).Code);

            // The advice of the finding: copy it back from another repository.
            new SnapshotCopy(second, fresh, SilentSink.Instance).Run(copy);
        }

        using var mended = Repository.Open(folder["repository"]);
        var left = Assert.Single(mended.Check());
        Assert.Equal(("PackDamaged", FindingSeverity.Warning), (left.Rule, left.Severity));
        Assert.False(new SnapshotCatalog(mended).Find(snapshot.Id).Damaged);
        mended.Prune();
        Assert.Empty(mended.Check());
        Assert.True(mended.Prove(snapshot, VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void A_question_that_cannot_be_asked_is_no_answer()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        var error = Assert.Throws<MaintenanceException>(() => repository.Prove(snapshot, VerificationLevel.Restore, "select cuont(*) from users"));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.False(new SnapshotCatalog(repository).Find(snapshot.Id).AssertionFailed);
    }

    private static void Scribble(string path, long offset)
    {
        using var file = File.OpenWrite(path);
        file.Position = offset;
        file.Write(Enumerable.Repeat((byte)0xee, 600).ToArray());
    }
}
