using System.Net;
using System.Text;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Tests.Support;
using StackExchange.Redis;
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

    [Fact]
    public void A_server_that_tells_nothing_is_unknown()
    {
        using var server = new MuteRedis();
        Assert.Equal(HealthStatus.Unknown, Look.At(new RedisProbe(server.Endpoint)).Status);
    }

    [Fact]
    public void Nobody_there_is_unhealthy() => Assert.Equal(HealthStatus.Unhealthy, Look.At(new RedisProbe("127.0.0.1:1")).Status);

    private static void Fill(RedisServer server)
    {
        using var connection = ConnectionMultiplexer.Connect(server.Endpoint);
        var value = Encoding.ASCII.GetBytes(new string('x', 10_000));
        try
        {
            for (var i = 0; i < 600; i++)
            {
                connection.GetDatabase().StringSet($"key{i}", value);
            }
        }
        catch (RedisServerException)
        {
            // Out of memory, which is what is wanted.
        }
    }
}
