using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>
/// The state before a fault, and the oracle after it: what was committed restores byte for byte, targets are in the old
/// state or the new one, and the interrupted work can be done again without any unlocking.
/// </summary>
internal sealed class FaultWorld : IDisposable
{
    private readonly TestFolder folder;
    private readonly string oldDatabase;
    private readonly string newDatabase;
    private readonly string oldTree;
    private readonly string newTree;
    private readonly string[] treeDatabases;
    private readonly Dictionary<string, string> committed = [];

    private FaultWorld(TestFolder folder, string oldDatabase, string newDatabase, string oldTree, string newTree, string[] treeDatabases, IEnumerable<KeyValuePair<string, string>> committed)
    {
        this.folder = folder;
        (this.oldDatabase, this.newDatabase, this.oldTree, this.newTree, this.treeDatabases) = (oldDatabase, newDatabase, oldTree, newTree, treeDatabases);
        this.committed = new(committed);
    }

    public string Path => folder.Path;

    public static FaultWorld Create()
    {
        var folder = new TestFolder();
        SampleDatabase.Create(folder["app.db"], 300, 4096, "delete");
        Directory.CreateDirectory(folder["tree/sub"]);
        File.WriteAllText(folder["tree/a.txt"], "old a");
        File.WriteAllText(folder["tree/sub/b.txt"], "old b");
        var big = new byte[700_000];
        new Random(3).NextBytes(big);
        File.WriteAllBytes(folder["tree/big"], big);

        // What changes its kind, and a database that is left with a log.
        Directory.CreateDirectory(folder["tree/turned"]);
        File.WriteAllText(folder["tree/turned/inner"], "old inner");
        File.WriteAllText(folder["tree/turns"], "old turns");
        SampleDatabase.Create(folder["tree/data.db"], 60);
        var oldInTree = SampleDatabase.Fingerprint(folder["tree/data.db"]);

        using var repository = Repositories.New(folder);
        Repository.Create(folder["sealed"], Passphrase.FromText("secret")).Dispose();
        Repository.Create(folder["second"], null).Dispose();
        repository.BackUp(folder["app.db"]);
        repository.BackUpFiles(folder["tree"]);
        var (oldDatabase, oldTree) = (SampleDatabase.Fingerprint(folder["app.db"]), TreeImage.Of(folder["tree"], times: false));

        SampleCluster.Create(folder);

        // Something for prune: a pack that is dead and one that is half dead.
        SampleDatabase.Create(folder["other.db"], 200, 4096, "delete");
        var other = repository.BackUp(folder["other.db"], "other");
        SampleDatabase.Change(folder["app.db"], "UPDATE notes SET embedding = randomblob(300) WHERE id > 100");
        var half = repository.BackUp(folder["app.db"]);
        SampleDatabase.Change(folder["app.db"], "UPDATE notes SET embedding = randomblob(300) WHERE id > 200");
        repository.BackUp(folder["app.db"]);
        new SnapshotCatalog(repository).Remove(other.Id);
        new SnapshotCatalog(repository).Remove(half.Id);

        SampleDatabase.Change(folder["app.db"], "UPDATE notes SET body = 'new' WHERE id < 50");
        File.WriteAllText(folder["tree/a.txt"], "new a");
        File.WriteAllText(folder["tree/sub/c.txt"], "only new");
        Directory.Delete(folder["tree/turned"], recursive: true);
        File.WriteAllText(folder["tree/turned"], "new turned");
        File.Delete(folder["tree/turns"]);
        Directory.CreateDirectory(folder["tree/turns"]);
        File.WriteAllText(folder["tree/turns/inner"], "new inner");
        SampleDatabase.LeaveALog(folder["tree/data.db"]);
        string[] treeDatabases = [oldInTree, SampleDatabase.FingerprintOfCopy(folder["tree/data.db"])];
        var committed = new SnapshotCatalog(repository).List().ToDictionary(s => s.Id, s => s.ContentHash);
        return new FaultWorld(folder, oldDatabase, SampleDatabase.Fingerprint(folder["app.db"]), oldTree, TreeImage.Of(folder["tree"], times: false), treeDatabases, committed);
    }

    /// <summary>A copy of this world, to break.</summary>
    public FaultWorld Clone()
    {
        var copy = new TestFolder();
        System.Diagnostics.Process.Start("cp", ["-a", folder.Path + "/.", copy.Path]).WaitForExit();

        return new FaultWorld(copy, oldDatabase, newDatabase, oldTree, newTree, treeDatabases, committed);
    }

    /// <summary>Throws where anything that was promised does not hold.</summary>
    public void Check(string scenario, VerificationLevel level)
    {
        using (var repository = Repository.Open(folder["repository"]))
        {
            var snapshots = new SnapshotCatalog(repository).List();
            foreach (var id in committed.Keys.Where(id => scenario != "remove" || snapshots.Any(s => s.Id == id)))
            {
                Assert.Contains(snapshots, s => s.Id == id);
            }

            foreach (var snapshot in snapshots)
            {
                var test = repository.Prove(snapshot, level);
                Assert.True(test.Passed, string.Join('\n', test.Findings));
            }
        }

        Assert.Contains(SampleDatabase.Fingerprint(folder["app.db"]), new[] { oldDatabase, newDatabase });
        var tree = TreeImage.Of(folder["tree"], times: false).Split('\n').Where(l => !l.Contains(".mops-", StringComparison.Ordinal) && !l.StartsWith("/data.db", StringComparison.Ordinal)).ToList();
        var allowed = oldTree.Split('\n').Concat(newTree.Split('\n')).ToHashSet();
        Assert.All(tree.Where(l => l.Contains(" File ", StringComparison.Ordinal)), line => Assert.Contains(line, allowed));
        Assert.Contains(SampleDatabase.FingerprintOfCopy(folder["tree/data.db"]), treeDatabases);
        if (File.Exists(folder["restored.db"]))
        {
            Assert.Equal(oldDatabase, SampleDatabase.Fingerprint(folder["restored.db"]));
        }

        SampleCluster.Check(folder, repository => repository.Prove(new SnapshotCatalog(repository).List()[0], VerificationLevel.Full).Passed);
        using (var second = Repository.Open(folder["second"]))
        {
            foreach (var snapshot in new SnapshotCatalog(second).List())
            {
                Assert.True(second.Prove(snapshot, level).Passed);
            }
        }

        if (scenario is "add-key" && level == VerificationLevel.Full)
        {
            // Deriving a key is slow on purpose, so only the scenario that could lose one opens it.
            Repository.Open(folder["sealed"], Passphrase.FromText("secret")).Dispose();
        }
    }

    /// <summary>The content of each file of the tree before the restore, wherever it lies now.</summary>
    public void RequireNothingLost()
    {
        var there = ContentsOf(TreeImage.Of(folder["tree"], times: false)).ToHashSet();
        Assert.All(ContentsOf(newTree), content => Assert.Contains(content, there));
    }

    private static IEnumerable<string> ContentsOf(string image) => image.Split('\n')
        .Where(l => l.Contains(" File ", StringComparison.Ordinal) && !l.StartsWith("/data.db", StringComparison.Ordinal))
        .Select(l => l[(l.LastIndexOf(' ') + 1)..]);

    public void Dispose() => folder.Dispose();
}
