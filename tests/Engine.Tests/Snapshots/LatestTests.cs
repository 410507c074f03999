using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>What 'latest' means where the newest snapshot is no good: never an older one without a word.</summary>
public sealed class LatestTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly Repository repository;

    public LatestTests()
    {
        repository = Repositories.New(folder);
    }

    public void Dispose()
    {
        repository.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("bit")]
    [InlineData("cut")]
    [InlineData("empty")]
    public void A_manifest_that_cannot_be_read_and_may_be_newer_stops_it_and_names_the_older_one(string damage)
    {
        var (older, newer) = (Take("old"), Take("new"));
        Damage(newer, damage);
        using var again = Repository.Open(repository.Location);
        var catalog = new SnapshotCatalog(again);
        var refused = Assert.Throws<MaintenanceException>(() => catalog.Find("latest", "app"));
        Assert.Equal(ErrorCode.LatestUnreadable, refused.Code);
        Assert.Contains(older.ShortId, refused.Message, StringComparison.Ordinal);
        Assert.Equal(older.Id, catalog.Find(older.ShortId).Id);

        // It is listed as damaged, and it can be removed by its id; then the older one is the latest.
        Assert.Equal(SnapshotState.Damaged, catalog.List(unreadableToo: true).Single(s => s.Id == newer.Id).State);
        catalog.Remove(catalog.FindToRemove(newer.ShortId).Id);
        Assert.Equal(older.Id, catalog.Find("latest", "app").Id);
    }

    [Fact]
    public void The_next_backup_is_the_latest_again()
    {
        Take("old");
        Damage(Take("new"), "bit");
        File.SetLastWriteTimeUtc(Directory.EnumerateFiles(folder["repository/snapshots"]).OrderBy(File.GetLastWriteTimeUtc).Last(), DateTime.UtcNow.AddSeconds(-2));
        using var again = Repository.Open(repository.Location);
        File.WriteAllText(folder["file"], "newest");
        var newest = again.BackUpFiles(folder["file"], "app");
        Assert.Equal(newest.Id, new SnapshotCatalog(again).Find("latest", "app").Id);
    }

    [Fact]
    public void One_that_failed_its_test_is_passed_over_and_that_is_told()
    {
        SampleDatabase.Create(folder["app.db"]);
        var older = repository.BackUp(folder["app.db"]);
        SampleDatabase.Change(folder["app.db"], "DELETE FROM notes");
        var newer = repository.BackUp(folder["app.db"]);
        Assert.False(repository.Prove(newer, VerificationLevel.Restore, "SELECT count(*) > 0 FROM notes").Passed);

        var sink = new WarningSink();
        var catalog = new SnapshotCatalog(repository);
        Assert.Equal(older.Id, catalog.Find("latest", new LatestRule(), sink).Id);
        Assert.Contains(newer.ShortId, Assert.Single(sink.Messages), StringComparison.Ordinal);
        Assert.Equal(newer.Id, catalog.Find("latest", new LatestRule { EvenFailed = true }).Id);
        Assert.True(repository.Prove(older, VerificationLevel.Restore).Passed);
        Assert.Equal(older.Id, catalog.Find("latest", new LatestRule { Verified = true }).Id);
    }

    [Fact]
    public void An_odd_manifest_of_another_source_is_in_nobodys_way()
    {
        var good = Take("good");
        repository.Commit(repository.ReadManifest(good.Id) with { Source = "evil", Size = long.MaxValue, Nonce = "n" });
        repository.Commit(repository.ReadManifest(good.Id) with { Source = "evil", ElapsedSeconds = 1e300, Nonce = "o" });
        repository.Commit(repository.ReadManifest(good.Id) with { Source = "\u001b[2J", Nonce = "p" });
        repository.Commit(repository.ReadManifest(good.Id) with { Source = "evil", Created = DateTimeOffset.MaxValue, Nonce = "q" });
        using var again = Repository.Open(repository.Location);
        var catalog = new SnapshotCatalog(again);
        Assert.Equal(good.Id, catalog.Find("latest", "app").Id);
        Assert.Single(catalog.List());
        Assert.Equal(5, catalog.List(unreadableToo: true).Count);
        Assert.True(again.Prove(good, VerificationLevel.Full).Passed);
        Assert.All(catalog.List(unreadableToo: true), s => Assert.DoesNotContain('\u001b', s.Source));
    }

    [Fact]
    public void A_source_that_is_there_is_meant_as_it_is_written()
    {
        SampleDatabase.Create(folder["case.db"], 5);
        var (small, large) = (repository.BackUp(folder["case.db"], "notes"), repository.BackUp(folder["case.db"], "Notes"));
        var catalog = new SnapshotCatalog(repository);
        Assert.Equal(small.Id, catalog.Find("latest", "notes").Id);
        Assert.Equal(large.Id, catalog.Find("latest", "Notes").Id);
        Assert.Equal([small.Id], catalog.List(new SnapshotFilter { Sources = ["notes"] }).Select(s => s.Id));
        Assert.Equal(2, catalog.List(new SnapshotFilter { Sources = ["NOTES"] }).Count);
        Assert.Equal(2, catalog.List(new SnapshotFilter { Sources = ["n*s"] }).Count);
    }

    [Fact]
    public void Fields_that_are_missing_or_null_have_their_empty_value()
    {
        var full = System.Text.Json.Nodes.JsonNode.Parse(repository.ReadManifest(Take("good").Id).ToBytes())!.AsObject();
        foreach (var field in full.Select(p => p.Key).Except(["format", "source", "kind", "created"]).ToList())
        {
            foreach (var node in new[] { Without(full, field), With(full, field, null) })
            {
                try
                {
                    var read = Manifest.FromBytes(System.Text.Encoding.UTF8.GetBytes(node.ToJsonString()));
                    Assert.NotNull(read.Tags);
                    Assert.NotNull(read.Map);
                }
                catch (InvalidDataException)
                {
                    // A null where a number must be: no manifest.
                }
            }
        }
    }

    private static System.Text.Json.Nodes.JsonObject Without(System.Text.Json.Nodes.JsonObject full, string field)
    {
        var copy = full.DeepClone().AsObject();
        copy.Remove(field);
        return copy;
    }

    private static System.Text.Json.Nodes.JsonObject With(System.Text.Json.Nodes.JsonObject full, string field, System.Text.Json.Nodes.JsonNode? value)
    {
        var copy = full.DeepClone().AsObject();
        copy[field] = value;
        return copy;
    }

    private Snapshot Take(string content)
    {
        File.WriteAllText(folder["file"], content);
        return repository.BackUpFiles(folder["file"], "app");
    }

    private void Damage(Snapshot snapshot, string how)
    {
        var path = folder[$"repository/snapshots/{snapshot.Id}"];
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        bytes[60] ^= 1;
        File.WriteAllBytes(path, how switch { "bit" => bytes, "cut" => bytes[..50], _ => [] });
    }
}
