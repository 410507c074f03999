using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Storage.S3;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Storage;

/// <summary>What every store must do, tried on all of them alike.</summary>
[Collection(S3Tests.Name)]
public sealed class ObjectStoreContractTests : IDisposable
{
    private readonly List<IDisposable> opened = [];
    private readonly string folder = Directory.CreateTempSubdirectory("mops-store-").FullName;

    public void Dispose()
    {
        opened.ForEach(o => o.Dispose());
        Directory.Delete(folder, recursive: true);
    }

    [Theory, StoreKinds]
    public void An_object_is_created_once(StoreKind kind)
    {
        var store = Open(kind);
        Assert.True(store.Create("snapshots/a", "first"u8));
        Assert.False(store.Create("snapshots/a", "second"u8));
        Assert.Equal("first"u8.ToArray(), store.Read("snapshots/a"));
        Assert.True(store.Create("snapshots/b", "third"u8));
        Assert.False(store.Create("snapshots/b", "third"u8));
    }

    [Theory, StoreKinds]
    public void Replacing_makes_and_overwrites(StoreKind kind)
    {
        var store = Open(kind);
        store.Replace("leases/a", "a long first content"u8);
        store.Replace("leases/a", "short"u8);
        Assert.Equal("short"u8.ToArray(), store.Read("leases/a"));
        Assert.False(store.Create("leases/a", "third"u8));
    }

    [Theory, StoreKinds]
    public void An_empty_object_is_an_object(StoreKind kind)
    {
        var store = Open(kind);
        Assert.True(store.Create("empty", []));
        Assert.Equal(Array.Empty<byte>(), store.Read("empty"));
        Assert.Equal(0, Assert.Single(store.List("")).Size);
        Assert.False(store.Create("empty", "x"u8));
    }

    [Theory, StoreKinds]
    public void What_is_missing_reads_as_null(StoreKind kind)
    {
        var store = Open(kind);
        Assert.Null(store.Read("packs/aa/missing"));
        Assert.Null(ReadRange(store, "packs/aa/missing", 0, 10));
        Assert.Null(ReadRange(store, "packs/aa/missing", 0, 0));
        Assert.Null(store.ReadTail("packs/aa/missing", 10));
        Assert.Empty(store.List("packs/"));
    }

    [Theory, StoreKinds]
    public void Ranges_and_tails_are_cut_at_the_end(StoreKind kind)
    {
        var store = Open(kind);
        var content = Enumerable.Range(0, 1000).Select(i => (byte)(i * 7)).ToArray();
        store.Create("packs/aa/x", content);
        Assert.Equal(content[..40], ReadRange(store, "packs/aa/x", 0, 40));
        Assert.Equal(content[..1], ReadRange(store, "packs/aa/x", 0, 1));
        Assert.Equal(content[500..510], ReadRange(store, "packs/aa/x", 500, 10));
        Assert.Equal(content[990..], ReadRange(store, "packs/aa/x", 990, 100));
        Assert.Equal(Array.Empty<byte>(), ReadRange(store, "packs/aa/x", 1000, 10));
        Assert.Equal(Array.Empty<byte>(), ReadRange(store, "packs/aa/x", 5000, 10));
        Assert.Equal(Array.Empty<byte>(), ReadRange(store, "packs/aa/x", 10, 0));
        Assert.Equal(content[^8..], store.ReadTail("packs/aa/x", 8));
        Assert.Equal(content[^1..], store.ReadTail("packs/aa/x", 1));
        Assert.Equal(content, store.ReadTail("packs/aa/x", 1000));
        Assert.Equal(content, store.ReadTail("packs/aa/x", 5000));
        Assert.Equal(Array.Empty<byte>(), store.ReadTail("packs/aa/x", 0));
    }

    [Theory, StoreKinds(StoreKind.Local, StoreKind.S3)]
    public void A_listing_is_complete_beyond_one_page(StoreKind kind)
    {
        const int Count = 2500;
        var store = Open(kind);
        var begun = DateTimeOffset.UtcNow.AddMinutes(-1);
        Parallel.For(0, Count, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => store.Create($"packs/{i % 16:x2}/{i:d5}", new byte[i % 7]));
        store.Create("maps/other", "x"u8);
        var found = store.List("packs/").ToList();
        Assert.Equal(Count, found.Count);
        Assert.Equal(Count, found.Select(f => f.Name).Distinct().Count());
        Assert.All(found, f => Assert.Equal(int.Parse(f.Name[^5..], System.Globalization.CultureInfo.InvariantCulture) % 7, f.Size));
        Assert.All(found, f => Assert.InRange(f.Modified, begun, DateTimeOffset.UtcNow.AddMinutes(1)));
        Assert.Equal(Count + 1, store.List("").Count());
        Assert.Equal(Enumerable.Range(0, Count).Count(i => i % 16 == 3), store.List("packs/03/").Count());
        Assert.Equal(10, store.List("packs/00/0000").Concat(store.List("packs/01/0000")).Concat(Enumerable.Range(2, 14).SelectMany(i => store.List($"packs/{i:x2}/0000"))).Count());
    }

    [Theory, StoreKinds]
    public void Deleting_twice_is_no_error(StoreKind kind)
    {
        var store = Open(kind);
        store.Create("maps/a", "x"u8);
        store.Create("maps/b", "y"u8);
        store.Delete("maps/a");
        store.Delete("maps/a");
        store.Delete("nothing/here");
        Assert.Null(store.Read("maps/a"));
        Assert.Equal("maps/b", Assert.Single(store.List("")).Name);
        Assert.True(store.Create("maps/a", "z"u8));
    }

    [Theory, StoreKinds(StoreKind.Local, StoreKind.S3, StoreKind.S3LikeAws)]
    public void A_large_object_comes_back_as_it_was(StoreKind kind)
    {
        var store = Open(kind);
        var content = new byte[100 * 1024 * 1024];
        new Random(1).NextBytes(content);
        Assert.True(store.Create("maps/large", content));
        Assert.Equal(content.Length, Assert.Single(store.List("maps/")).Size);
        Assert.Equal(content[^100..], store.ReadTail("maps/large", 100));
        Assert.Equal(content[70_000_000..70_000_100], ReadRange(store, "maps/large", 70_000_000, 100));
        Assert.True(content.AsSpan().SequenceEqual(store.Read("maps/large")));
        Assert.False(store.Create("maps/large", content));
        content[50_000_000] ^= 1;
        store.Replace("maps/large", content);
        Assert.True(content.AsSpan().SequenceEqual(store.Read("maps/large")));
    }

    [Theory, StoreKinds]
    public void Of_eight_threads_one_creates(StoreKind kind)
    {
        var store = Open(kind);
        for (var round = 0; round < 10; round++)
        {
            var name = $"leases/exclusive-{round}";
            var won = new bool[8];
            var threads = Enumerable.Range(0, won.Length).Select(i => new Thread(() => won[i] = store.Create(name, [(byte)i, 1, 2, 3]))).ToList();
            threads.ForEach(t => t.Start());
            threads.ForEach(t => t.Join());
            Assert.Single(won, w => w);
            Assert.Equal([(byte)Array.IndexOf(won, true), 1, 2, 3], store.Read(name));
        }
    }

    [Theory, StoreKinds]
    public void Names_with_odd_letters_are_kept(StoreKind kind)
    {
        var store = Open(kind);
        var name = "tests/0123/2026-11-21T10-11-12+1 ä&=%20.json";
        store.Create(name, "x"u8);
        Assert.Equal(name, Assert.Single(store.List("tests/")).Name);
        Assert.Equal("x"u8.ToArray(), store.Read(name));
        store.Delete(name);
        Assert.Empty(store.List(""));
    }

    [Theory, StoreKinds]
    public void The_location_opens_the_same_store(StoreKind kind)
    {
        var store = Open(kind);
        store.Create("repository.json", "{}"u8);
        using var again = ObjectStores.Open(store.Location);
        Assert.Equal(store.Location, again.Location);
        Assert.Equal("{}"u8.ToArray(), again.Read("repository.json"));
    }

    private IObjectStore Open(StoreKind kind)
    {
        if (kind == StoreKind.Local)
        {
            var local = new LocalObjectStore(Path.Combine(folder, "store"));
            local.Prepare();
            return Keep(local);
        }

        var server = S3Server.Shared;
        var endpoint = server.Endpoint;
        if (kind != StoreKind.S3)
        {
            endpoint = Keep(new S3Proxy(server, kind == StoreKind.S3LikeAws ? S3Dialect.Aws : S3Dialect.RefusesConditions)).Endpoint;
        }

        return Keep(new S3ObjectStore($"s3://{server.NewBucket()}/app/backups?endpoint={endpoint}"));
    }

    private T Keep<T>(T made)
        where T : IDisposable
    {
        opened.Insert(0, made);
        return made;
    }

    private static byte[]? ReadRange(IObjectStore store, string name, long offset, int count)
    {
        var bytes = new byte[count];
        return store.ReadRange(name, offset, bytes) is { } read ? bytes[..read] : null;
    }
}
