using System.Globalization;
using System.Net;
using StackExchange.Redis;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Asks a Redis server: does it answer, has it room, does it throw keys away, is what it holds on the disk.</summary>
public sealed class RedisProbe : IProbe
{
    private const int UsualPort = 6379;
    private const double AlmostFull = 0.90;
    private const double Full = 0.98;
    private const double Fragmented = 1.5;

    /// <summary>Small servers are always fragmented: the figure compares with what the allocator takes at the start.</summary>
    private const long LargeEnough = 100L << 20;

    private readonly Endpoint endpoint;
    private readonly NetworkCredential? credential;
    private readonly bool useTls;

    /// <param name="endpoint"><c>host:port</c>; 6379 where the port is left out.</param>
    /// <param name="credential">User and password; a user may be empty.</param>
    /// <param name="useTls">Whether it is spoken to through TLS.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public RedisProbe(string endpoint, NetworkCredential? credential = null, bool useTls = false)
    {
        this.endpoint = Endpoint.Parse(endpoint, UsualPort);
        this.credential = credential;
        this.useTls = useTls;
    }

    /// <inheritdoc/>
    public string Kind => "redis";

    /// <inheritdoc/>
    public string Target => endpoint.ToString();

    /// <inheritdoc/>
    public async Task<Observation> Observe(ProbeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var verdict = new Verdict();
        try
        {
            var connection = await Connect(context.Cancellation).ConfigureAwait(false);
            await using var _ = connection.ConfigureAwait(false);
            var server = connection.GetServer(endpoint.Host, endpoint.Port);
            var ping = await server.PingAsync().WaitAsync(context.Cancellation).ConfigureAwait(false);
            var groups = await server.InfoAsync().WaitAsync(context.Cancellation).ConfigureAwait(false);
            var info = groups.SelectMany(g => g).GroupBy(p => p.Key).ToDictionary(g => g.Key, g => g.First().Value, StringComparer.Ordinal);
            verdict.Fact("Ping", ping);
            return Judge(info, context, verdict);
        }
        catch (RedisException e)
        {
            verdict.Unhealthy(IsRefused(e) ? "it lets nobody in without the right user and password" : Expectation.Shorten(e.Message.Split('(')[0], 120));
            return verdict.End("");
        }
    }

    /// <summary>A connection that comes when nobody waits for it any more is closed.</summary>
    private async Task<ConnectionMultiplexer> Connect(CancellationToken cancellation)
    {
        var connecting = ConnectionMultiplexer.ConnectAsync(Options());
        try
        {
            return await connecting.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = connecting.ContinueWith(c => c.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    private static Observation Judge(Dictionary<string, string> info, ProbeContext context, Verdict verdict)
    {
        if (Number(info, "used_memory") is not { } used)
        {
            verdict.Unknown("it does not tell how it is");
            return verdict.End("");
        }

        var evicted = Number(info, "evicted_keys");
        Tell(info, used, verdict);
        JudgeMemory(info, used, verdict);
        if (context.Last() is { } last && evicted > last.Value)
        {
            verdict.Degraded($"it threw {evicted - last.Value:N0} keys away since the last look");
        }

        JudgePersistence(info, verdict);
        if (info.GetValueOrDefault("loading") == "1")
        {
            verdict.Unhealthy("it is still reading its data from the disk");
        }

        if (info.GetValueOrDefault("master_link_status") == "down")
        {
            verdict.Unhealthy("its link to the primary is down");
        }

        return verdict.End($"{ByteSize.Format(used)} used, {info.GetValueOrDefault("connected_clients", "?")} clients", evicted);
    }

    private static void Tell(Dictionary<string, string> info, long used, Verdict verdict)
    {
        verdict.Fact("Version", info.GetValueOrDefault("redis_version"));
        verdict.Fact("Role", info.GetValueOrDefault("role"));
        verdict.Fact("UsedMemory", used);
        verdict.Fact("MaxMemory", Number(info, "maxmemory"));
        verdict.Fact("Policy", info.GetValueOrDefault("maxmemory_policy"));
        verdict.Fact("Evicted", Number(info, "evicted_keys"));
        verdict.Fact("Fragmentation", Ratio(info, "mem_fragmentation_ratio"));
        verdict.Fact("Clients", Number(info, "connected_clients"));
        verdict.Fact("LastSaveOk", info.GetValueOrDefault("rdb_last_bgsave_status") is { } saved ? saved == "ok" : null);
        verdict.Fact("ChangesSinceSave", Number(info, "rdb_changes_since_last_save"));
        verdict.Fact("AppendOnly", info.GetValueOrDefault("aof_enabled") is { } append ? append == "1" : null);
    }

    private static void JudgeMemory(Dictionary<string, string> info, long used, Verdict verdict)
    {
        if (Number(info, "maxmemory") is > 0 and var most && used > most * AlmostFull)
        {
            var refuses = info.GetValueOrDefault("maxmemory_policy") == "noeviction";
            var reason = $"{ByteSize.Format(used)} of {ByteSize.Format(most)} are used{(refuses ? ", and then it refuses writes" : "")}";
            if (refuses && used > most * Full)
            {
                verdict.Unhealthy(reason);
            }
            else
            {
                verdict.Degraded(reason);
            }
        }

        if (used > LargeEnough && Ratio(info, "mem_fragmentation_ratio") is > Fragmented and var fragmentation)
        {
            verdict.Degraded(string.Create(CultureInfo.InvariantCulture, $"its memory is fragmented ({fragmentation:0.0#})"));
        }
    }

    private static void JudgePersistence(Dictionary<string, string> info, Verdict verdict)
    {
        if (info.GetValueOrDefault("rdb_last_bgsave_status") is "err")
        {
            verdict.Degraded("its last save to the disk failed");
        }

        if (info.GetValueOrDefault("aof_enabled") == "1" && (info.GetValueOrDefault("aof_last_write_status") is "err" || info.GetValueOrDefault("aof_last_bgrewrite_status") is "err"))
        {
            verdict.Degraded("its append-only file cannot be written");
        }
    }

    private ConfigurationOptions Options() => new()
    {
        EndPoints = { { endpoint.Host, endpoint.Port } },
        User = credential?.UserName is { Length: > 0 } user ? user : null,
        Password = credential?.Password is { Length: > 0 } password ? password : null,
        Ssl = useTls,
        AbortOnConnectFail = true,

        // The client takes INFO for a command of administrators.
        AllowAdmin = true,
        ConnectRetry = 0,
        ConnectTimeout = (int)((IProbe)this).UsualTimeout.TotalMilliseconds,
        ClientName = "MaintenanceOps",
    };

    /// <summary>The client wraps what the server said.</summary>
    private static bool IsRefused(Exception e) => e is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure }
        || e.ToString() is var text && (text.Contains("NOAUTH", StringComparison.Ordinal) || text.Contains("WRONGPASS", StringComparison.Ordinal));

    private static long? Number(Dictionary<string, string> info, string name) =>
        long.TryParse(info.GetValueOrDefault(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static double? Ratio(Dictionary<string, string> info, string name) =>
        double.TryParse(info.GetValueOrDefault(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
