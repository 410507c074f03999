using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using MaintenanceOps.Engine.Health.Probes.Redis;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>A real Redis server that is well, full, locked, and not there.</summary>
public sealed class RedisProbeTests
{
    [PeerFact("redis-server")]
    public void A_server_is_asked_how_it_does()
    {
        using var server = new RedisServer();
        var result = Look.At(new RedisProbe(server.Endpoint));
        Assert.Equal(HealthStatus.Healthy, result.Status);
        Assert.True((long)result.Facts["UsedMemory"] > 0);
        Assert.Equal("master", result.Facts["Role"]);
    }

    [PeerFact("redis-server")]
    public void A_server_that_is_almost_full_and_refuses_writes_is_unhealthy()
    {
        using var server = new RedisServer("--maxmemory", "4mb", "--maxmemory-policy", "noeviction");
        Fill(server);
        var result = Look.At(new RedisProbe(server.Endpoint));
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.Contains("refuses writes", result.Reason, StringComparison.Ordinal);
    }

    [PeerFact("redis-server")]
    public void Keys_that_were_thrown_away_since_the_last_look_are_told()
    {
        using var folder = new TestFolder();
        using var server = new RedisServer("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru");
        Look.At(new RedisProbe(server.Endpoint), history: folder.Path);
        Fill(server);
        var result = Look.At(new RedisProbe(server.Endpoint), history: folder.Path);
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains("keys away since the last look", result.Reason, StringComparison.Ordinal);
    }

    [PeerFact("redis-server")]
    public void A_save_that_failed_is_told()
    {
        using var server = new RedisServer();
        server.Ask("SET", "key", "value");
        Directory.Delete(server.Folder, recursive: true);
        server.Ask("BGSAVE");
        Assert.True(SpinWait.SpinUntil(() => Look.At(new RedisProbe(server.Endpoint)).Reason == "its last save to the disk failed", TimeSpan.FromSeconds(10)));
    }

    /// <summary>Of 300 MiB of small values those that are left lie scattered over the memory.</summary>
    [PeerFact("redis-server")]
    public void Fragmented_memory_is_told()
    {
        using var server = new RedisServer();
        server.Ask("EVAL", "for i = 1, 1500000 do redis.call('SET', 'key:' .. i, string.rep('x', 100)) end", "0");
        server.Ask("EVAL", "for i = 1, 1500000 do if i % 5 > 1 then redis.call('DEL', 'key:' .. i) end end", "0");
        HealthResult? result = null;
        Assert.True(SpinWait.SpinUntil(() => (result = Look.At(new RedisProbe(server.Endpoint))).Reason.StartsWith("its memory is fragmented (", StringComparison.Ordinal), TimeSpan.FromSeconds(10)), result!.ToString());
    }

    [PeerFact("redis-server")]
    public void A_password_is_needed_and_never_told()
    {
        using var server = new RedisServer("--requirepass", "hunter2");
        Assert.Equal(HealthStatus.Healthy, Look.At(new RedisProbe(server.Endpoint, new NetworkCredential("", "hunter2"))).Status);
        var refused = Look.At(new RedisProbe(server.Endpoint, new NetworkCredential("", "wrong-secret")));
        Assert.Equal(HealthStatus.Unhealthy, refused.Status);
        Assert.Contains("right user and password", refused.Reason, StringComparison.Ordinal);
        Assert.Contains("right user and password", Look.At(new RedisProbe(server.Endpoint)).Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-secret", refused.ToString(), StringComparison.Ordinal);
    }

    [PeerFact("redis-server")]
    public void A_user_that_may_not_ask_is_told_apart_from_one_that_is_not_let_in()
    {
        using var server = new RedisServer();
        server.Ask("ACL", "SETUSER", "watcher", "on", ">seen", "+ping");
        server.Ask("ACL", "SETUSER", "reader", "on", ">seen", "+@all");
        var blind = Look.At(new RedisProbe(server.Endpoint, new NetworkCredential("watcher", "seen")));
        Assert.Equal(HealthStatus.Unknown, blind.Status);
        Assert.Equal(HealthStatus.Healthy, Look.At(new RedisProbe(server.Endpoint, new NetworkCredential("reader", "seen"))).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new RedisProbe(server.Endpoint, new NetworkCredential("nobody", "seen"))).Status);
    }

    [PeerFact("redis-server")]
    public void A_server_without_a_place_says_so_at_once()
    {
        using var server = new RedisServer();
        using var guest = new TcpClient("127.0.0.1", server.Port);
        guest.GetStream().Write("CONFIG SET maxclients 1\r\n"u8);
        guest.GetStream().ReadByte();
        var watch = Stopwatch.StartNew();
        var result = Look.At(new RedisProbe(server.Endpoint));
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.Contains("max number of clients", result.Reason, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"{watch.Elapsed}");
    }

    [PeerFact("redis-server")]
    public void A_certificate_that_is_not_to_be_trusted_is_unhealthy()
    {
        using var authority = TlsServer.Authority();
        using var certificate = TlsServer.Certificate(authority, "localhost", TimeSpan.FromDays(1), TimeSpan.FromDays(80));
        using var server = new TlsServer(certificate);
        var result = Look.At(new RedisProbe(server.Endpoint, useTls: true));
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.Contains("trusted authority is not whole", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_kind_of_server_is_told_by_its_answer()
    {
        using var server = new RawServer("HTTP/1.1 400 Bad Request\r\n");
        Assert.Contains("no Redis server: 'HTTP/1.1 400 Bad Request'", Look.At(new RedisProbe($"127.0.0.1:{server.Port}")).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("+NOTPONG\r\n$17\r\nused_memory:1000\r\n\r\n", HealthStatus.Unhealthy, "no Redis server: it says 'NOTPONG' to PING")]
    [InlineData(":1\r\n", HealthStatus.Unhealthy, "no Redis server")]
    [InlineData("$-1\r\n", HealthStatus.Unhealthy, "no Redis server")]
    [InlineData("+PONG\r\n$16\r\nused_memory:1000XY", HealthStatus.Unhealthy, "longer than it said")]
    [InlineData("+PONG\r\n$16\r\nused_memory:-100\r\n", HealthStatus.Unknown, "does not tell")]
    [InlineData("+PONG\r\n$32\r\nused_memory:-9223372036854775808\r\n", HealthStatus.Unknown, "does not tell")]
    [InlineData("+PONG\r\n$49\r\nused_memory:209715200\nmem_fragmentation_ratio:nan\r\n", HealthStatus.Healthy, "200 MiB used")]
    [InlineData("-\r\n", HealthStatus.Unhealthy, "does not say why")]
    [InlineData("*1\r\n$4\r\nPONG\r\n", HealthStatus.Unhealthy, "no Redis server")]
    [InlineData("+PONG\r\n$12\r\nshort", HealthStatus.Unhealthy, "ends the connection")]
    public void What_no_Redis_says_is_not_well(string said, HealthStatus status, string reason)
    {
        using var server = new RawServer(said);
        var result = Look.At(new RedisProbe($"127.0.0.1:{server.Port}"));
        Assert.True((status, true) == (result.Status, result.Reason.Contains(reason, StringComparison.Ordinal)), result.ToString());
        Assert.All(result.Facts.Values.OfType<double>(), f => Assert.True(double.IsFinite(f)));
    }

    [Fact]
    public void A_server_that_tells_nothing_is_unknown()
    {
        using var server = new RawServer("+PONG\r\n$0\r\n\r\n");
        Assert.Equal(HealthStatus.Unknown, Look.At(new RedisProbe($"127.0.0.1:{server.Port}")).Status);
    }

    /// <summary>Ten times: the client itself says so now and then only after its whole time-out.</summary>
    [Fact]
    public void Nobody_there_is_said_at_once()
    {
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < 10; i++)
        {
            var result = Look.At(new RedisProbe("127.0.0.1:1"));
            Assert.Equal(HealthStatus.Unhealthy, result.Status);
            Assert.Contains("refused", result.Reason, StringComparison.OrdinalIgnoreCase);
        }

        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(3), $"{watch.Elapsed}");
    }

    [Theory]
    [InlineData("$2000000000\r\n")]
    [InlineData("+")]
    public void An_endless_answer_costs_no_memory(string beginning)
    {
        var sent = 0L;
        using var server = new RawServer(async (_, stream, stop) =>
        {
            var more = new byte[64 * 1024];
            more.AsSpan().Fill((byte)'x');
            await RawServer.Write(stream, beginning, stop);
            while (true)
            {
                await stream.WriteAsync(more, stop);
                sent += more.Length;
            }
        });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var watch = Stopwatch.StartNew();
        var result = Look.At(new RedisProbe($"127.0.0.1:{server.Port}"));
        Assert.Equal(HealthStatus.Unhealthy, result.Status);
        Assert.Contains("longer than 1.00 MiB", result.Reason, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(6), $"{watch.Elapsed}");
        Assert.True(sent < 64 << 20, $"{sent}");
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before < 32 << 20);
    }

    private static void Fill(RedisServer server)
    {
        for (var i = 0; i < 600; i++)
        {
            server.Ask("SET", $"key{i}", new string('x', 10_000));
        }
    }
}
