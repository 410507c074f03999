using System.Collections.Concurrent;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;
using Xunit.Abstractions;

namespace MaintenanceOps.Engine.Tests.Storage;

/// <summary>
/// Every request of a backup, a removal, a prune and a restore is spoiled once in every way, and then the server goes away
/// at every request. The oracle: the work is done and comes back byte for byte, or a typed error tells why not; and what
/// was committed before always comes back.
/// </summary>
[Collection(S3Tests.Name)]
public sealed class S3FaultTests(ITestOutputHelper output)
{
    [S3Theory]
    [InlineData(S3Fault.InternalError)]
    [InlineData(S3Fault.SlowDown)]
    [InlineData(S3Fault.Reset)]
    [InlineData(S3Fault.ResetAfter)]
    [InlineData(S3Fault.PartialBody)]
    [InlineData(S3Fault.Stall)]
    public void One_fault_at_any_request_is_survived(S3Fault fault)
    {
        // Who waits for a server that says nothing leaves the processor to others.
        var succeeded = ForEachRequest((number, at) => at == number ? fault : S3Fault.None, fault == S3Fault.Stall ? 24 : 6, out var tried);
        Assert.Equal(tried, succeeded);
    }

    [S3Theory]
    [InlineData(S3Fault.SlowDown)]
    [InlineData(S3Fault.ResetAfter)]
    public void A_server_that_goes_away_at_any_request_costs_nothing_committed(S3Fault fault)
    {
        var succeeded = ForEachRequest((number, at) => number >= at ? fault : S3Fault.None, 6, out var tried);

        // The last requests give back leases, which end by themselves where that fails.
        Assert.InRange(succeeded, 0, tried / 4);
    }

    private int ForEachRequest(Func<int, int, S3Fault> choose, int sideBySide, out int tried)
    {
        // Otherwise the second run would find the footers of the first one and ask for fewer of them.
        using var noCache = new S3EnvironmentVariable(FooterCache.Variable, "off");
        using var work = new S3Work();
        tried = 0;
        var succeeded = 0;
        foreach (var part in work.Parts)
        {
            var count = CountRequests(work, part);
            var went = SpoilEach(work, part, count, choose, sideBySide);
            output.WriteLine($"{part.Name}: {went} of {count} went well.");
            tried += count;
            succeeded += went;
        }

        return succeeded;
    }

    private int SpoilEach(S3Work work, S3Part part, int count, Func<int, int, S3Fault> choose, int sideBySide)
    {
        var succeeded = 0;
        var failures = new ConcurrentDictionary<int, string>();

        // Most of the time is spent waiting, so that several runs go side by side, each with a bucket and a proxy of its own.
        Parallel.For(1, count + 1, new ParallelOptions { MaxDegreeOfParallelism = sideBySide }, at =>
        {
            using var proxy = new S3Proxy(S3Server.Shared, S3Dialect.Aws) { Choose = number => choose(number, at) };
            var name = work.Prepare(part);
            IReadOnlyList<(Snapshot, int)> taken = [];
            try
            {
                taken = S3Work.Run(part, proxy.Endpoint, name);
                Interlocked.Increment(ref succeeded);
            }
            catch (MaintenanceException e)
            {
                failures[at] = $"{e.Code}: {e.Message} ({e.InnerException})";
            }

            work.Check(part, name, taken);
            work.Discard(name);
        });
        foreach (var (at, failure) in failures.OrderBy(f => f.Key))
        {
            output.WriteLine($"{at}: {failure}");
        }

        return succeeded;
    }

    private int CountRequests(S3Work work, S3Part part)
    {
        using var proxy = new S3Proxy(S3Server.Shared, S3Dialect.Aws);
        var name = work.Prepare(part);
        work.Check(part, name, S3Work.Run(part, proxy.Endpoint, name));
        work.Discard(name);
        output.WriteLine($"{part.Name}, {proxy.Count} requests:");
        proxy.Seen.ForEach(output.WriteLine);
        return proxy.Count;
    }
}
