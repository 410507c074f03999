using System.Diagnostics;
using System.Text;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Storage.S3;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Storage;

/// <summary>Answers with status 200 that are none, answers that never end, and answers that lead elsewhere.</summary>
[Collection(S3Tests.Name)]
public sealed class S3AnswerTests : IDisposable
{
    private readonly MemoryS3 server = new();
    private readonly TestFolder folder = new();
    private readonly List<IDisposable> variables =
    [
        new S3EnvironmentVariable("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        new S3EnvironmentVariable("AWS_SECRET_ACCESS_KEY", "secret"),
        new S3EnvironmentVariable("AWS_EC2_METADATA_DISABLED", "true"),
    ];

    public S3AnswerTests() => Directory.CreateDirectory(folder["tree"]);

    public void Dispose()
    {
        server.Dispose();
        folder.Dispose();
        variables.ForEach(v => v.Dispose());
    }

    public static TheoryData<string, string> BadPages => new()
    {
        { "nothing", "" },
        { "a proxy's page", "<html><body><h1>Log in</h1></body></html>" },
        { "half a page", "<?xml version=\"1.0\"?><ListBucketResult><Prefix>app/packs/</Prefix><IsTruncated>false</IsTruncated><Contents><Key>app/pa" },
        { "another answer", "<Error><Code>SlowDown</Code></Error>" },
        { "no end told", "<ListBucketResult><Prefix>app/snapshots/</Prefix></ListBucketResult>" },
        { "no way on", "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated></ListBucketResult>" },
        { "an empty token", "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken></NextContinuationToken><Contents><Key>app/snapshots/a</Key></Contents></ListBucketResult>" },
        { "another prefix", "<ListBucketResult><Prefix>other/</Prefix><IsTruncated>false</IsTruncated></ListBucketResult>" },
        { "a foreign name", "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>else/where</Key></Contents></ListBucketResult>" },
        { "a wrong count", "<ListBucketResult><KeyCount>7</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>" },
        { "text", "OK" },
        { "entities", "<!DOCTYPE x [<!ENTITY y SYSTEM \"file:///etc/passwd\">]><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>" },
    };

    [Theory]
    [MemberData(nameof(BadPages))]
    public void A_page_that_is_none_is_an_error_and_nothing_is_removed(string what, string page)
    {
        Fill(4);
        server.PageSize = 2;
        var keys = server.Keys.Count(IsContent);
        foreach (var second in new[] { false, true })
        {
            server.Spoil = (_, target, answer) => target.Contains("list-type=2", StringComparison.Ordinal) && target.Contains("snapshots", StringComparison.Ordinal) && target.Contains("continuation-token", StringComparison.Ordinal) == second
                ? answer with { Body = Encoding.UTF8.GetBytes(page) }
                : answer;
            using var repository = Open();
            var refused = Assert.Throws<MaintenanceException>(() => repository.Prune(new PruneOptions { Now = true, Force = true }));
            Assert.True(refused.Code == ErrorCode.StoreUnavailable, $"{what}: {refused.Message}");
            Assert.Equal(keys, server.Keys.Count(IsContent));
        }
    }

    [Fact]
    public void A_listing_that_lags_costs_nothing()
    {
        var snapshots = Fill(3);
        using var repository = Open();
        repository.Prove(snapshots[^1], VerificationLevel.Full);
        var keys = server.Keys.Count(IsContent);

        // The newest is known by its check, the one before by the newest: both are read by name.
        server.Hides = key => key.Contains("snapshots/", StringComparison.Ordinal) && !key.EndsWith(snapshots[0].Id, StringComparison.Ordinal);
        using (var prune = Open())
        {
            prune.Prune(new PruneOptions { Now = true });
        }

        Assert.Equal(keys, server.Keys.Count(IsContent));
        server.Hides = _ => false;
        using var check = Open();
        Assert.Empty(check.Check());
        Assert.Equal(3, check.ManifestIds().Count());
    }

    [Fact]
    public void A_prune_of_a_bucket_dooms_first()
    {
        var snapshots = Fill(2);
        using var repository = Open();
        new SnapshotCatalog(repository).Remove(snapshots[0].Id);
        var first = repository.Prune();
        Assert.Equal((0, 1, 0L), (first.PacksRemoved, first.PacksDoomed, first.Freed));
        Assert.Equal(first.PacksDoomed, repository.Prune(dryRun: true).PacksDoomed);
        Assert.Equal(0, repository.Prune().PacksRemoved);
        Assert.Equal(1, repository.Prune(new PruneOptions { Now = true }).PacksRemoved);
        Assert.Empty(repository.Check());
    }

    [Fact]
    public void A_body_that_drips_ends_with_an_error_that_says_so()
    {
        var snapshots = Fill(1);
        using var repository = Open(TimeSpan.FromSeconds(1));
        server.Spoil = (method, target, answer) => method == "GET" && target.Contains("packs/", StringComparison.Ordinal) && answer.Body.Length > 100 && !target.Contains("list-type", StringComparison.Ordinal)
            ? answer with { Pause = TimeSpan.FromMilliseconds(50) }
            : answer;
        var watch = Stopwatch.StartNew();
        var slow = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshots[0], folder["out"]));
        Assert.Equal(ErrorCode.StoreUnavailable, slow.Code);
        Assert.Contains("hardly anything moved in 1 s", slow.Message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"It took {watch.Elapsed}.");
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public void A_redirect_is_told_and_never_followed(int status)
    {
        using var other = new MemoryS3();
        Fill(1);
        server.Spoil = (_, _, answer) => answer with { Status = status, Headers = new() { ["Location"] = other.Endpoint + "/bucket/app/x?X-Amz-Signature=s3cr3t" } };
        var refused = Assert.Throws<MaintenanceException>(() => Open().Dispose());
        Assert.Equal(ErrorCode.StoreUnavailable, refused.Code);
        Assert.Contains(other.Endpoint, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t", refused.Message, StringComparison.Ordinal);
        Assert.Empty(other.Requests);
    }

    [Theory]
    [InlineData("snapshots/")]
    [InlineData("maps/")]
    [InlineData("packs/")]
    public void Damage_on_the_way_is_fetched_once_more(string kind)
    {
        var snapshots = Fill(1);
        var spoilt = 0;
        server.Spoil = (method, target, answer) =>
        {
            if (method != "GET" || !target.Contains(kind, StringComparison.Ordinal) || target.Contains("list-type", StringComparison.Ordinal) || answer.Body.Length < 60 || Interlocked.Exchange(ref spoilt, 1) == 1)
            {
                return answer;
            }

            var body = (byte[])answer.Body.Clone();
            body[body.Length / 2] ^= 1;
            return answer with { Body = body, Headers = new(answer.Headers) { ["ETag"] = "\"other\"" } };
        };
        using var repository = Open();
        Assert.True(repository.Prove(new SnapshotCatalog(repository).Find(snapshots[0].Id), VerificationLevel.Full).Passed);
        Assert.Equal(1, spoilt);
        Assert.Empty(repository.DamagedPacks());
    }

    [Fact]
    public void A_pack_that_the_store_kept_in_half_is_not_called_stored()
    {
        Fill(1);
        using var repository = Open();
        server.Spoil = (_, target, answer) => target.Contains("prefix=app%2Fpacks", StringComparison.Ordinal)
            ? answer with { Body = Encoding.UTF8.GetBytes(System.Text.RegularExpressions.Regex.Replace(Encoding.UTF8.GetString(answer.Body), "<Size>\\d+</Size>", "<Size>5</Size>")) }
            : answer;
        Write(9);
        Assert.Equal(ErrorCode.StoreUnavailable, Assert.Throws<MaintenanceException>(() => repository.BackUpFiles(folder["tree"], "x")).Code);
        server.Spoil = (_, _, answer) => answer;
        Assert.Single(repository.ManifestIds());
    }

    [Theory]
    [InlineData("snapshots")]
    [InlineData("packs/")]
    [InlineData("leases")]
    public void A_token_ends_every_wait_within_a_second(string where)
    {
        Fill(1);
        using var cancel = new CancellationTokenSource();
        using var store = new CancellableStore(S3Work(TimeSpan.FromSeconds(60)), cancel.Token);
        using var repository = Repository.Open(store, null, TimeProvider.System);
        var met = new ManualResetEventSlim();
        server.Spoil = (_, target, answer) =>
        {
            if (!target.Contains(where, StringComparison.Ordinal))
            {
                return answer;
            }

            met.Set();
            return answer with { Stalls = true };
        };
        Write(5);
        var work = Task.Run(() => repository.BackUpFiles(folder["tree"]));
        Assert.True(met.Wait(TimeSpan.FromSeconds(20)));
        var watch = Stopwatch.StartNew();
        cancel.Cancel();
        Assert.ThrowsAny<Exception>(() => work.GetAwaiter().GetResult());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"It took {watch.Elapsed}.");
    }

    private static bool IsContent(string key) => key.Contains("packs/", StringComparison.Ordinal) || key.Contains("maps/", StringComparison.Ordinal) || key.Contains("snapshots/", StringComparison.Ordinal);

    private S3ObjectStore S3Work(TimeSpan? idle = null) => new(
        server.Location("app"),
        new S3Patience { Attempts = 2, Idle = idle ?? TimeSpan.FromSeconds(20), FirstDelay = TimeSpan.FromMilliseconds(1), LongestDelay = TimeSpan.FromMilliseconds(5) });

    private Repository Open(TimeSpan? idle = null) => Repository.Open(S3Work(idle), null, TimeProvider.System);

    private List<Snapshot> Fill(int count)
    {
        using var repository = Repository.Create(S3Work(), null, "", TimeProvider.System);
        return [.. Enumerable.Range(1, count).Select(seed =>
        {
            Write(seed);
            return repository.BackUpFiles(folder["tree"]);
        })];
    }

    private void Write(int seed)
    {
        var bytes = new byte[100_000];
        new Random(seed).NextBytes(bytes);
        File.WriteAllBytes(folder["tree/a"], bytes);
    }
}
