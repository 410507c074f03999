using System.Net.Sockets;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>The engine's API on a unix socket, answering as its documentation (GET /containers/{id}/json) says.</summary>
public sealed class ContainerProbeTests : IDisposable
{
    private readonly TestFolder folder = new();
    private (int Status, string Body) answer = (200, "{}");
    private readonly UnixHttpServer engine;

    public ContainerProbeTests() => engine = new UnixHttpServer(folder["d.sock"], path => path == "/containers/app/json" ? answer : (404, """{"message":"No such container"}"""));

    public void Dispose()
    {
        engine.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("""{"Status":"running","Running":true,"OOMKilled":false}""", HealthStatus.Healthy, "running")]
    [InlineData("""{"Status":"running","Health":{"Status":"healthy"}}""", HealthStatus.Healthy, "running, healthy")]
    [InlineData("""{"Status":"running","Health":{"Status":"unhealthy","FailingStreak":4}}""", HealthStatus.Unhealthy, "its own health check fails")]
    [InlineData("""{"Status":"running","Health":{"Status":"starting"}}""", HealthStatus.Degraded, "it is starting: its own health check has not passed yet")]
    [InlineData("""{"Status":"running","Healthcheck":{"Status":"unhealthy"}}""", HealthStatus.Unhealthy, "its own health check fails")]
    [InlineData("""{"Status":"exited","ExitCode":137,"OOMKilled":true}""", HealthStatus.Unhealthy, "it is exited, exit code 137; it was killed because it ran out of memory")]
    [InlineData("""{"Status":"restarting","ExitCode":1}""", HealthStatus.Unhealthy, "the engine restarts it again and again")]
    [InlineData("""{"Status":"paused"}""", HealthStatus.Unhealthy, "it is paused")]
    public void State_and_health_are_told(string state, HealthStatus expected, string reason)
    {
        Answer(state);
        var result = Ask();
        Assert.Equal((expected, reason), (result.Status, result.Reason));
    }

    [Fact]
    public void Restarts_since_the_last_look_are_told_once()
    {
        var check = new HealthCheck { Name = "app", Probe = new ContainerProbe("app", folder["d.sock"]), Retries = 0 };
        Answer("""{"Status":"running"}""", restarts: 2);
        Assert.Equal(HealthStatus.Healthy, Look.At(check, folder["history"]).Status);
        Answer("""{"Status":"running"}""", restarts: 5);
        Assert.Equal("the engine restarted it 3 times since the last look", Look.At(check, folder["history"]).Reason);
        Assert.Equal(HealthStatus.Healthy, Look.At(check, folder["history"]).Status);
    }

    [Fact]
    public void Of_a_container_whose_engine_hangs_nothing_is_known()
    {
        using var stuck = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        stuck.Bind(new UnixDomainSocketEndPoint(folder["stuck.sock"]));
        stuck.Listen();
        var result = Look.At(new ContainerProbe("app", folder["stuck.sock"]), TimeSpan.FromMilliseconds(300));
        Assert.Equal(HealthStatus.Unknown, result.Status);
        Assert.Contains("did not answer within 300 ms", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_container_that_is_not_there_is_unhealthy_and_an_engine_that_does_not_answer_is_unknown()
    {
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new ContainerProbe("other", folder["d.sock"])).Status);
        Assert.Equal(HealthStatus.Unknown, Look.At(new ContainerProbe("app", folder["none.sock"])).Status);
        answer = (500, "{\"message\":\"broken\"}");
        Assert.Equal(HealthStatus.Unknown, Ask().Status);
        answer = (200, "[1,2");
        Assert.Equal(HealthStatus.Unknown, Ask().Status);
        answer = (200, "[]");
        Assert.NotEqual(HealthStatus.Healthy, Ask().Status);
    }

    [Fact]
    public void A_name_cannot_reach_another_part_of_the_api() =>
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new ContainerProbe("../containers/app", folder["d.sock"])).Status);

    private void Answer(string state, int restarts = 0) => answer = (200, $$$"""{"Id":"8f3a","Name":"/app","RestartCount":{{{restarts}}},"State":{{{state}}},"Config":{"Image":"app:1"}}""");

    private HealthResult Ask() => Look.At(new ContainerProbe("app", folder["d.sock"]));
}
