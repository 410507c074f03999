using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace MaintenanceOps.Engine.Health.Probes.Redis;

/// <summary>Asks a Redis server: does it answer, has it room, does it throw keys away, is what it holds on the disk.</summary>
public sealed class RedisProbe : IProbe
{
    private const int UsualPort = 6379;
    private const string StillReading = "it is still reading its data from the disk";
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
        IReadOnlyList<string> certificate = [];
        try
        {
            var conversation = await RedisConversation.Open(endpoint, useTls, problems => certificate = problems, context.Cancellation).ConfigureAwait(false);
            await using var _ = conversation.ConfigureAwait(false);
            return await Look(conversation, verdict, context).ConfigureAwait(false);
        }
        catch (AuthenticationException e)
        {
            verdict.Unhealthy(certificate.Count > 0 ? string.Join("; ", certificate) : Expectation.Shorten(e.Message));
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidDataException)
        {
            verdict.Unhealthy((e.InnerException as SocketException ?? e).Message);
        }

        return verdict.End("");
    }

    private async Task<Observation> Look(RedisConversation conversation, Verdict verdict, ProbeContext context)
    {
        if (credential is { Password.Length: > 0 })
        {
            string[] words = credential.UserName.Length > 0 ? ["AUTH", credential.UserName, credential.Password] : ["AUTH", credential.Password];
            Require(await conversation.Ask(context.Cancellation, words).ConfigureAwait(false), verdict);
        }

        var started = Stopwatch.GetTimestamp();
        if (verdict.Status == HealthStatus.Healthy)
        {
            var answer = await conversation.Ask(context.Cancellation, "PING").ConfigureAwait(false);
            Require(answer, verdict);
            if (answer is { IsError: false, Text: not "PONG" })
            {
                verdict.Unhealthy($"it is no Redis server: it says '{Expectation.Shorten(answer.Text, 40)}' to PING");
            }
        }

        if (verdict.Status != HealthStatus.Healthy)
        {
            return verdict.End("");
        }

        verdict.Fact("Ping", Stopwatch.GetElapsedTime(started));
        var told = await conversation.Ask(context.Cancellation, "INFO").ConfigureAwait(false);
        return Judge(told.IsError ? [] : Properties(told.Text), context, verdict);
    }

    private static void Require(RedisAnswer answer, Verdict verdict)
    {
        if (answer.IsErrorOf("NOAUTH", "WRONGPASS") || answer is { IsError: true, Text: "ERR invalid password" })
        {
            verdict.Unhealthy("it lets nobody in without the right user and password");
        }
        else if (answer.IsErrorOf("LOADING"))
        {
            verdict.Unhealthy(StillReading);
        }
        else if (answer.IsError && !answer.IsErrorOf("NOPERM"))
        {
            // A user that may not even ping is let in all the same; what it may ask is seen next.
            verdict.Unhealthy(answer.Text.Length > 0 ? Expectation.Shorten(answer.Text, 120) : "it refuses and does not say why");
        }
    }

    /// <summary>Lines of <c>name:value</c>, under headings that begin with a hash.</summary>
    private static Dictionary<string, string> Properties(string told) => told
        .Split('\n', StringSplitOptions.TrimEntries)
        .Select(line => line.Split(':', 2))
        .Where(pair => pair.Length == 2)
        .GroupBy(pair => pair[0])
        .ToDictionary(g => g.Key, g => g.First()[1], StringComparer.Ordinal);

    private static Observation Judge(Dictionary<string, string> info, ProbeContext context, Verdict verdict)
    {
        if (Number(info, "used_memory") is not (>= 0 and { } used))
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
            verdict.Unhealthy(StillReading);
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

    private static long? Number(Dictionary<string, string> info, string name) =>
        long.TryParse(info.GetValueOrDefault(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static double? Ratio(Dictionary<string, string> info, string name) =>
        double.TryParse(info.GetValueOrDefault(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;
}
