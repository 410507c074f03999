using System.Security.Cryptography;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Tests.Golden;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>Faults that a second pair of eyes found in the format and the engine; each was real once.</summary>
public sealed class FoundFaultTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Prune_keeps_the_blocks_of_a_snapshot_whose_map_is_the_base_of_another()
    {
        // The order of ids decides, so several repositories are tried.
        for (var i = 0; i < 6; i++)
        {
            var database = folder[$"a{i}.db"];
            SampleDatabase.Create(database, rows: 2000, journalMode: "delete");
            using var repository = Repository.Create(folder[$"r{i}"], null);
            var first = repository.BackUp(database);
            repository.ForgetIndex();

            // Two differences to the first map; the pages that only the first has lie in the first pack.
            SampleDatabase.Change(database, "UPDATE notes SET body = 'x' WHERE id BETWEEN 1 AND 40");
            var second = repository.BackUp(database);
            repository.ForgetIndex();
            var needed = SnapshotBlocks.Of(repository, first.Id, repository.ReadManifest(first.Id), default).Distinct().Count();
            Assert.NotNull(repository.ReadMapBase(repository.ReadManifest(second.Id).Map));

            // A pack that holds only what the second has not: moved there by a copy of just those blocks.
            var only = SnapshotBlocks.Of(repository, first.Id, repository.ReadManifest(first.Id), default)
                .Except(SnapshotBlocks.Of(repository, second.Id, repository.ReadManifest(second.Id), default)).ToList();
            Assert.NotEmpty(only);
            SplitPack(repository, only);
            repository.Prune();

            var now = SnapshotBlocks.Of(repository, first.Id, repository.ReadManifest(first.Id), default).Distinct().Count(b => repository.Index.Find(b) >= 0);
            Assert.Equal(needed, now);
        }
    }

    /// <summary>Writes the given blocks into one pack and all others into another, then removes the old packs.</summary>
    private static void SplitPack(Repository repository, List<BlockId> apart)
    {
        var index = repository.Index;
        var old = index.Packs.Select(p => Pack.ObjectName(p.PackId)).ToList();
        var all = Enumerable.Range(0, index.Count).ToList();
        foreach (var group in new[] { all.Where(o => apart.Contains(index.IdOf(o))).ToArray(), all.Where(o => !apart.Contains(index.IdOf(o))).ToArray() })
        {
            using var writer = new Engine.Snapshots.Blocks.PackRewriter(repository);
            new Engine.Snapshots.Blocks.BlockReader(repository).Read(group, writer.Add, default);
            writer.Finish();
        }

        old.ForEach(name => repository.Store.Delete(name));
        repository.ForgetIndex();
    }

    [Fact]
    public void A_backup_does_not_trust_an_index_that_is_older_than_its_lease()
    {
        var database = folder["a.db"];
        SampleDatabase.Create(database, journalMode: "delete");
        using var here = Repository.Create(folder["r"], null);
        var first = here.BackUp(database);
        here.ForgetIndex();
        _ = here.Index.Count;

        using (var elsewhere = Repository.Open(folder["r"]))
        {
            new SnapshotCatalog(elsewhere).Remove(first.Id);
            elsewhere.Prune(force: true);
        }

        var second = here.BackUp(database);

        using var fresh = Repository.Open(folder["r"]);
        fresh.Restore(second, folder["out.db"]);
    }

    [Fact]
    public void A_backup_stores_again_what_a_check_found_damaged()
    {
        var copy = GoldenData.Copy(GoldenData.Plain, folder.Path);
        var source = folder["source.db"];
        var expected = GoldenData.ExpectedOf(GoldenData.Plain).Single(s => s.Name == "sqlite-2");
        using (var whole = Repository.Open(GoldenData.Copy(GoldenData.Plain, folder["whole"])))
        {
            whole.Restore(new SnapshotCatalog(whole).Find(expected.Id), source);
        }

        using (var repository = Repository.Open(copy))
        {
            foreach (var pack in repository.Index.Packs)
            {
                Flip(Path.Combine(copy, Pack.ObjectName(pack.PackId)), ObjectHeader.Size + 100);
            }
        }

        using var damaged = Repository.Open(copy);
        Assert.NotEmpty(damaged.Check());
        var again = damaged.BackUp(source, "golden/notes");

        using var fresh = Repository.Open(copy);
        fresh.Restore(again, folder["out.db"]);
        Assert.Equal(expected.Lines, GoldenData.Describe(folder["out.db"]));
    }

    [Fact]
    public void A_backup_replaces_a_damaged_map_of_the_same_content()
    {
        var database = folder["a.db"];
        SampleDatabase.Create(database, journalMode: "delete");
        using var repository = Repository.Create(folder["r"], null);
        var first = repository.BackUp(database);
        Flip(Path.Combine(folder["r"], PageMap.ObjectName(repository.ReadManifest(first.Id).Map)), 60);

        using var fresh = Repository.Open(folder["r"]);
        var second = fresh.BackUp(database);
        fresh.Restore(second, folder["out.db"]);
    }

    [Fact]
    public void A_copy_mends_a_damaged_snapshot_of_the_destination()
    {
        using var from = Repository.Open(GoldenData.Copy(GoldenData.Plain, folder["from"]));
        var copy = GoldenData.Copy(GoldenData.Plain, folder["to"]);
        var expected = GoldenData.ExpectedOf(GoldenData.Plain).Single(s => s.Name == "sqlite-1");
        Directory.Delete(Path.Combine(copy, "packs"), recursive: true);
        using var to = Repository.Open(copy);

        var copied = new SnapshotCopy(from, to, SilentSink.Instance).Run(new SnapshotCatalog(from).Find(expected.Id));
        to.ForgetIndex();

        to.Restore(copied, folder["out.db"]);
    }

    [Fact]
    public void A_second_copy_of_a_block_is_used_when_the_first_is_damaged()
    {
        var copy = GoldenData.Copy(GoldenData.Plain, folder.Path);
        var expected = GoldenData.ExpectedOf(GoldenData.Plain).Single(s => s.Name == "sqlite-1");
        using (var repository = Repository.Open(copy))
        {
            // What a prune leaves that was killed between writing and deleting: everything twice.
            var index = repository.Index;
            var old = index.Packs.Select(p => Pack.ObjectName(p.PackId)).ToList();
            using var writer = new Engine.Snapshots.Blocks.PackRewriter(repository);
            new Engine.Snapshots.Blocks.BlockReader(repository).Read(Enumerable.Range(0, index.Count).ToArray(), writer.Add, default);
            writer.Finish();
            repository.ForgetIndex();
            var first = repository.Index.Packs[0];
            var hit = repository.Index.Packs.First(p => old.Contains(Pack.ObjectName(p.PackId)) == old.Contains(Pack.ObjectName(first.PackId)));
            foreach (var pack in repository.Index.Packs.Where(p => old.Contains(Pack.ObjectName(p.PackId)) == old.Contains(Pack.ObjectName(hit.PackId))))
            {
                Flip(Path.Combine(copy, Pack.ObjectName(pack.PackId)), ObjectHeader.Size + 100);
            }
        }

        using var fresh = Repository.Open(copy);
        fresh.Restore(new SnapshotCatalog(fresh).Find(expected.Id), folder["out.db"]);
    }

    [Fact]
    public void An_encrypted_repository_cannot_be_declared_plain_by_whoever_holds_the_store()
    {
        var copy = GoldenData.Copy(GoldenData.Encrypted, folder.Path);
        foreach (var name in new[] { "repository.json", "repository.copy.json" })
        {
            var text = File.ReadAllText(Path.Combine(copy, name)).Replace("\"encrypted\":true", "\"encrypted\":false", StringComparison.Ordinal);
            var at = text.LastIndexOf("\"check\":\"", StringComparison.Ordinal) + 9;
            var empty = text[..at] + text[(at + 32)..];
            var check = Convert.ToHexStringLower(SHA512.HashData(System.Text.Encoding.UTF8.GetBytes(empty)).AsSpan(0, 16));
            File.WriteAllText(Path.Combine(copy, name), empty.Insert(at, check));
        }

        // The next backup would write everything in the clear, although its owner gave a passphrase.
        Assert.Throws<MaintenanceException>(() => Repository.Open(copy, GoldenData.PassphraseOf(GoldenData.Encrypted)).Dispose());
    }

    [Fact]
    public void A_hard_link_cannot_reach_outside_the_destination()
    {
        using var repository = Repository.Create(folder["r"], null);
        File.WriteAllText(folder["secret"], "outside");
        var snapshot = Forgery.Commit(
            repository,
            new FileEntry { Path = "", Kind = EntryKind.Folder, Mode = 0x1c0 },
            new FileEntry { Path = "inside", Kind = EntryKind.HardLink, Target = "../../secret" });

        try
        {
            repository.Restore(snapshot, folder["out"]);
        }
        catch (MaintenanceException)
        {
            // Refusing is right.
        }

        Assert.False(File.Exists(folder["out/inside"]), "A file from outside has a name inside now.");
    }

    [Fact]
    public void A_hard_link_cannot_reach_outside_through_a_link()
    {
        using var repository = Repository.Create(folder["r"], null);
        File.WriteAllText(folder["secret"], "outside");
        var snapshot = Forgery.Commit(
            repository,
            new FileEntry { Path = "", Kind = EntryKind.Folder, Mode = 0x1c0 },
            new FileEntry { Path = "door", Kind = EntryKind.Link, Target = folder.Path },
            new FileEntry { Path = "inside", Kind = EntryKind.HardLink, Target = "door/secret" });

        try
        {
            repository.Restore(snapshot, folder["out"]);
        }
        catch (MaintenanceException)
        {
            // Refusing is right.
        }

        Assert.False(File.Exists(folder["out/inside"]), "A file from outside has a name inside now.");
    }

    [Fact]
    public void An_empty_test_record_proves_nothing()
    {
        var copy = GoldenData.Copy(GoldenData.Plain, folder.Path);
        var expected = GoldenData.ExpectedOf(GoldenData.Plain).Single(s => s.Name == "sqlite-1");
        Directory.CreateDirectory(Path.Combine(copy, "tests", expected.Id));
        File.WriteAllBytes(Path.Combine(copy, "tests", expected.Id, "01999999999999-3-p"), []);
        using var repository = Repository.Open(copy);

        Assert.Contains(repository.Check(), f => f.ObjectName.StartsWith("tests/", StringComparison.Ordinal));
        Assert.NotEqual(VerificationLevel.Restore, new SnapshotCatalog(repository).Find(expected.Id).Verified);
    }

    [Fact]
    public void One_damaged_key_is_a_finding_while_another_one_opens()
    {
        var copy = GoldenData.Copy(GoldenData.Encrypted, folder.Path);
        using (var whole = Repository.Open(copy, Passphrase.FromText(GoldenData.FirstPassphrase)))
        {
            var second = new KeyRing(whole.Store, whole.Description.Id).List().Single(k => k.Label != "first");
            File.WriteAllBytes(Path.Combine(copy, $"keys/{second.Id}.json"), []);
            File.WriteAllBytes(Path.Combine(copy, $"keys/{second.Id}.copy.json"), []);
        }

        using var repository = Repository.Open(copy, Passphrase.FromText(GoldenData.FirstPassphrase));
        Assert.Contains(repository.Check(VerificationLevel.Quick), f => f.ObjectName.StartsWith("keys/", StringComparison.Ordinal));
        Assert.Single(new RepositoryAdministration(repository).Describe().Keys);
    }

    [Fact]
    public void A_newer_format_is_named_as_such_and_not_as_damage()
    {
        var copy = GoldenData.Copy(GoldenData.Plain, folder.Path);
        foreach (var name in new[] { "repository.json", "repository.copy.json" })
        {
            // What a next version would write: a higher number and a field that this one does not know.
            var empty = File.ReadAllText(Path.Combine(copy, name)).Replace("\"format\":1", "\"format\":3,\"chunker\":\"new\"", StringComparison.Ordinal);
            var at = empty.LastIndexOf("\"check\":\"", StringComparison.Ordinal) + 9;
            empty = empty.Remove(at, 32);
            File.WriteAllText(Path.Combine(copy, name), empty.Insert(at, Convert.ToHexStringLower(SHA512.HashData(System.Text.Encoding.UTF8.GetBytes(empty)).AsSpan(0, 16))));
        }

        Assert.Equal(ErrorCode.RepositoryTooNew, Assert.Throws<MaintenanceException>(() => Repository.Open(copy).Dispose()).Code);
    }

    [Fact]
    public void A_stray_file_among_the_manifests_does_not_stop_prune()
    {
        var copy = GoldenData.Copy(GoldenData.Plain, folder.Path);
        File.WriteAllText(Path.Combine(copy, "snapshots", ".DS_Store"), "not ours");
        using var repository = Repository.Open(copy);

        repository.Prune(dryRun: true);
    }

    [Fact]
    public void A_map_that_claims_billions_of_blocks_is_refused_before_memory_is_taken()
    {
        var writer = new ByteWriter();
        writer.Byte(1);
        writer.VarInt(4096);
        writer.VarInt(4096L * 2_000_000_000);
        writer.VarInt(2_000_000_000);
        writer.Text(new string('0', 64));
        writer.VarInt(0);
        var bytes = writer.Written.ToArray();

        Assert.Throws<InvalidDataException>(() => PageMap.Read(bytes, new PageMap(4096, 0, [])));
    }

    [Fact]
    public async Task A_full_disk_at_the_end_of_a_backup_does_not_hang()
    {
        var bytes = new byte[80 * 1024 * 1024];
        new Random(3).NextBytes(bytes);
        Directory.CreateDirectory(folder["tree"]);
        await File.WriteAllBytesAsync(folder["tree/random"], bytes);
        for (var failAt = 3; failAt <= 5; failAt++)
        {
            Repository.Create(folder[$"r{failAt}"], null).Dispose();
            var store = new SlowFullStore(new LocalObjectStore(folder[$"r{failAt}"]), failAt);
            using var repository = Repository.Open(store, null, TimeProvider.System);
            var work = Task.Run(() => repository.BackUpFiles(folder["tree"]));
            var done = await Task.WhenAny(work, Task.Delay(TimeSpan.FromSeconds(30)));

            Assert.True(done == work, $"The backup hangs when pack {failAt} cannot be stored.");
            await Assert.ThrowsAsync<MaintenanceException>(() => work);
        }
    }

    private static void Flip(string path, int at)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>Stores packs slowly, and has no room for one of them.</summary>
    private sealed class SlowFullStore(IObjectStore inner, int failAt) : IObjectStore
    {
        private int packs;

        public string Location => inner.Location;

        public bool Create(string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
        {
            if (name.StartsWith("packs/", StringComparison.Ordinal))
            {
                Thread.Sleep(1500);
                if (++packs == failAt)
                {
                    throw new MaintenanceException(ErrorCode.DiskFull, "No space is left.");
                }
            }

            return inner.Create(name, content, cancellation);
        }

        public void Replace(string name, ReadOnlySpan<byte> content, CancellationToken cancellation) => inner.Replace(name, content, cancellation);

        public byte[]? Read(string name, CancellationToken cancellation) => inner.Read(name, cancellation);

        public int? ReadRange(string name, long offset, Span<byte> into, CancellationToken cancellation) => inner.ReadRange(name, offset, into, cancellation);

        public byte[]? ReadTail(string name, int count, CancellationToken cancellation) => inner.ReadTail(name, count, cancellation);

        public void Delete(string name, CancellationToken cancellation) => inner.Delete(name, cancellation);

        public IEnumerable<StoredObject> List(string prefix, CancellationToken cancellation) => inner.List(prefix, cancellation);

        public int CleanLeftovers(TimeSpan olderThan, bool dryRun, CancellationToken cancellation) => inner.CleanLeftovers(olderThan, dryRun, cancellation);

        public void Dispose() => inner.Dispose();
    }
}
