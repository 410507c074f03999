using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Storage.S3;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Storage;

/// <summary>What is S3's own: errors and what they say, retries, unfinished uploads.</summary>
[Collection(S3Tests.Name)]
public sealed class S3ObjectStoreTests
{
    private static S3Server Server => S3Server.Shared;

    [S3Fact]
    public void A_missing_bucket_is_named()
    {
        using var store = S3Work.Store(Server.Endpoint, "no-such-bucket");
        foreach (var act in new Action[] { () => store.Read("a"), () => store.Create("a", "x"u8), () => _ = store.List("").Count(), () => store.Replace("a", "x"u8) })
        {
            var e = Assert.Throws<MaintenanceException>(act);
            Assert.Equal(ErrorCode.StoreUnavailable, e.Code);
            Assert.Contains("'no-such-bucket'", e.Message, StringComparison.Ordinal);
            Assert.Contains(Server.Endpoint, e.Message, StringComparison.Ordinal);
        }
    }

    [S3Fact]
    public void Wrong_credentials_are_refused_and_not_repeated()
    {
        var bucket = Server.NewBucket();
        try
        {
            S3Server.UseKey("WRONGKEY-verysecret");
            using var proxy = new S3Proxy(Server);
            using var store = S3Work.Store(proxy.Endpoint, bucket);
            var e = Assert.Throws<MaintenanceException>(() => store.Read("a"));
            Assert.Equal(ErrorCode.AccessDenied, e.Code);
            Assert.Equal(1, proxy.Count);
            Assert.DoesNotContain("verysecret", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            S3Server.UseKey("S3RVER");
        }
    }

    [S3Fact]
    public void A_server_that_is_not_there_is_told_with_its_address_and_cause()
    {
        using var store = S3Work.Store("http://127.0.0.1:1", "bucket");
        var e = Assert.Throws<MaintenanceException>(() => store.Read("a"));
        Assert.Equal(ErrorCode.StoreUnavailable, e.Code);
        Assert.Contains("http://127.0.0.1:1", e.Message, StringComparison.Ordinal);
        Assert.Contains("tried 3 times", e.Message, StringComparison.Ordinal);
    }

    [S3Theory]
    [InlineData(S3Fault.InternalError)]
    [InlineData(S3Fault.Stall)]
    [InlineData(S3Fault.PartialBody)]
    public void A_request_is_tried_a_bounded_number_of_times(S3Fault fault)
    {
        var bucket = Server.NewBucket();
        using (var direct = S3Work.Store(Server.Endpoint, bucket))
        {
            direct.Create("a", "content"u8);
        }

        using var proxy = new S3Proxy(Server) { Choose = _ => fault };
        using var store = S3Work.Store(proxy.Endpoint, bucket, TimeSpan.FromSeconds(1));
        Assert.Equal(ErrorCode.StoreUnavailable, Assert.Throws<MaintenanceException>(() => store.Read("a")).Code);

        // One over which nothing moves costs the whole patience, so it is sent twice only.
        Assert.Equal(fault == S3Fault.Stall ? 2 : S3Work.Hasty.Attempts, proxy.Count);
    }

    [S3Theory]
    [InlineData(1000, 2)]
    [InlineData(70 * 1024 * 1024, 8)]
    public void A_created_object_whose_answer_was_lost_counts_as_created(int size, int last)
    {
        // A look whether it is there, then the put; or the look, the beginning, five parts and the end.
        var bucket = Server.NewBucket();
        using var proxy = new S3Proxy(Server, S3Dialect.Aws) { Choose = number => number == last ? S3Fault.ResetAfter : S3Fault.None };
        using var store = S3Work.Store(proxy.Endpoint, bucket);
        Assert.True(store.Create("a", new byte[size]));
        Assert.Contains(proxy.Seen.GroupBy(s => s), g => g.Count() > 1);
        Assert.False(store.Create("a", new byte[size]));
    }

    [S3Fact]
    public void A_failed_upload_in_parts_is_aborted_and_a_forgotten_one_is_cleaned()
    {
        var bucket = Server.NewBucket();
        using (var proxy = new S3Proxy(Server, S3Dialect.Aws) { Choose = number => number is >= 4 and <= 6 ? S3Fault.SlowDown : S3Fault.None })
        using (var store = S3Work.Store(proxy.Endpoint, bucket))
        {
            Assert.Throws<MaintenanceException>(() => store.Create("maps/a", new byte[S3Writer.LargestPut + 1]));
            Assert.Equal(0, store.CleanLeftovers(TimeSpan.Zero, dryRun: true));
        }

        using (var proxy = new S3Proxy(Server, S3Dialect.Aws) { Choose = number => number >= 4 ? S3Fault.SlowDown : S3Fault.None })
        using (var store = S3Work.Store(proxy.Endpoint, bucket))
        {
            Assert.Throws<MaintenanceException>(() => store.Create("maps/a", new byte[S3Writer.LargestPut + 1]));
        }

        using (var proxy = new S3Proxy(Server, S3Dialect.Aws))
        using (var store = S3Work.Store(proxy.Endpoint, bucket))
        {
            Assert.Equal(0, store.CleanLeftovers(TimeSpan.FromHours(1), dryRun: false));
            Assert.Equal(1, store.CleanLeftovers(TimeSpan.Zero, dryRun: true));
            Assert.Equal(1, store.CleanLeftovers(TimeSpan.Zero, dryRun: false));
            Assert.Equal(0, store.CleanLeftovers(TimeSpan.Zero, dryRun: false));
            Assert.Empty(store.List(""));
        }
    }

    [S3Fact]
    public void A_server_that_cannot_list_uploads_has_no_leftovers()
    {
        using var store = S3Work.Store(Server.Endpoint, Server.NewBucket());
        Assert.Equal(0, store.CleanLeftovers(TimeSpan.Zero, dryRun: false));
    }

    [S3Fact]
    public void Of_two_stores_that_create_one_name_one_does()
    {
        var bucket = Server.NewBucket();
        using var proxy = new S3Proxy(Server, S3Dialect.Aws);
        using var first = S3Work.Store(proxy.Endpoint, bucket);
        using var second = S3Work.Store(proxy.Endpoint, bucket);
        for (var round = 0; round < 20; round++)
        {
            var name = $"leases/exclusive-{round}";
            var won = new bool[2];
            Parallel.Invoke(() => won[0] = first.Create(name, "a"u8), () => won[1] = second.Create(name, "b"u8));
            Assert.Single(won, w => w);
            Assert.Equal(won[0] ? "a"u8.ToArray() : "b"u8.ToArray(), first.Read(name));
        }
    }

    [S3Fact]
    public void An_object_that_was_damaged_in_the_store_is_handed_over_for_its_seal_to_judge()
    {
        var bucket = Server.NewBucket();
        using var store = S3Work.Store(Server.Endpoint, bucket);
        store.Create("maps/a", "content"u8);
        File.WriteAllText(Directory.EnumerateFiles(Server.FolderOf(bucket), "a._S3rver_object", SearchOption.AllDirectories).Single(), "cOntent");
        Assert.Equal("cOntent"u8.ToArray(), store.Read("maps/a"));
    }
}
