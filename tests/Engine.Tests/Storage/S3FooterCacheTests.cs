using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Storage;

/// <summary>What is kept nearby saves requests, and is believed by nobody.</summary>
[Collection(S3Tests.Name)]
public sealed class S3FooterCacheTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mops-cache-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [S3Fact]
    public void The_second_opening_reads_no_pack()
    {
        using var variable = new S3EnvironmentVariable(FooterCache.Variable, folder);
        using var work = new S3Work();
        var bucket = work.Prepare();
        Assert.NotEqual(0, PackRequests(bucket));
        Assert.Equal(0, PackRequests(bucket));
        if (!OperatingSystem.IsWindows())
        {
            foreach (var entry in Entries())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(entry));
            }
        }
    }

    [S3Fact]
    public void Damaged_and_stale_entries_are_read_again()
    {
        using var variable = new S3EnvironmentVariable(FooterCache.Variable, folder);
        using var work = new S3Work();
        var bucket = work.Prepare();
        PackRequests(bucket);
        foreach (var damage in new Action<string>[]
        {
            e => File.WriteAllBytes(e, []),
            e => Change(e, b => b[^1] ^= 1),
            e => Change(e, b => b[50] ^= 1),
            e => File.SetLastWriteTimeUtc(e, DateTime.UtcNow.AddDays(-1)),
        })
        {
            damage(Entries().First());
            Assert.NotEqual(0, PackRequests(bucket));
            Assert.Equal(0, PackRequests(bucket));
        }

        var gone = Path.Combine(Path.GetDirectoryName(Entries().First())!, new string('0', 64));
        File.WriteAllText(gone, "a pack that was pruned");
        Assert.Equal(0, PackRequests(bucket));
        Assert.False(File.Exists(gone));
    }

    [S3Fact]
    public void A_check_and_a_proof_read_the_packs_themselves()
    {
        using var variable = new S3EnvironmentVariable(FooterCache.Variable, folder);
        using var work = new S3Work();
        var bucket = work.Prepare();
        PackRequests(bucket);

        // The same size and time, so that nothing but a look at the pack can tell.
        foreach (var pack in Directory.EnumerateFiles(S3Server.Shared.FolderOf(bucket), "*._S3rver_object", SearchOption.AllDirectories).Where(f => f.Contains("/packs/", StringComparison.Ordinal)))
        {
            Change(pack, b => b[^20] ^= 1);
        }

        using var repository = Open(bucket, S3Server.Shared.Endpoint);
        Assert.NotEqual(0, repository.Index.Count);
        Assert.False(new SnapshotProof(repository, SilentSink.Instance).Run(work.Kept.Database, new ProofOptions { Level = VerificationLevel.Full }).Passed);
        var findings = new RepositoryCheck(repository, SilentSink.Instance).Run(VerificationLevel.Quick).ToList();
        Assert.Contains(findings, f => f.Rule == "PackDamaged");
        Assert.Contains(findings, f => f.Rule == "SnapshotDamaged");
    }

    [S3Theory]
    [InlineData("off")]
    [InlineData("/proc/no/such/folder")]
    public void Without_a_cache_all_works_the_same(string setting)
    {
        using var variable = new S3EnvironmentVariable(FooterCache.Variable, setting);
        using var work = new S3Work();
        var bucket = work.Prepare();
        Assert.Equal(PackRequests(bucket), PackRequests(bucket));
        Assert.All(work.Parts.Take(2), p => Assert.Single(S3Work.Run(p, S3Server.Shared.Endpoint, bucket)));
        Assert.Empty(Entries());
    }

    [S3Fact]
    public void Several_at_once_do_each_other_no_harm()
    {
        using var variable = new S3EnvironmentVariable(FooterCache.Variable, folder);
        using var work = new S3Work();
        var bucket = work.Prepare();
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() => PackRequests(bucket))).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Equal(0, PackRequests(bucket));
    }

    private static int PackRequests(string bucket)
    {
        using var proxy = new S3Proxy(S3Server.Shared, S3Dialect.Aws);
        using var repository = Open(bucket, proxy.Endpoint);
        Assert.NotEqual(0, repository.Index.Count);
        return proxy.Seen.Count(s => s.Contains("/packs/", StringComparison.Ordinal));
    }

    private static Repository Open(string bucket, string endpoint) => Repository.Open(S3Work.Store(endpoint, bucket), null, TimeProvider.System);

    private List<string> Entries() => [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order()];

    private static void Change(string path, Action<byte[]> change)
    {
        var time = File.GetLastWriteTimeUtc(path);
        var bytes = File.ReadAllBytes(path);
        change(bytes);
        File.WriteAllBytes(path, bytes);
        File.SetLastWriteTimeUtc(path, time);
    }
}
