using System.Globalization;
using System.Text.Json;
using MaintenanceOps.Engine.Health.Probes.Http;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Asks a Docker or Podman engine over its socket how a container does: state, health, restarts, out of memory.</summary>
public sealed class ContainerProbe : IProbe
{
    private const int MostBytes = 1 << 20;
    private readonly string name;
    private readonly string? socket;

    /// <param name="name">The container's name or id.</param>
    /// <param name="socket">The engine's socket; <c>DOCKER_HOST</c>, then the usual places where it is null.</param>
    public ContainerProbe(string name, string? socket = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        this.name = name;
        this.socket = socket;
    }

    /// <inheritdoc/>
    public string Kind => "container";

    /// <inheritdoc/>
    public string Target => name;

    /// <inheritdoc/>
    public async Task<Observation> Observe(ProbeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var verdict = new Verdict();
        var (status, body) = await Ask(context).ConfigureAwait(false);
        if (status == 404)
        {
            verdict.Unhealthy($"the engine has no container '{name}'");
            return verdict.End("");
        }

        if (status != 200)
        {
            throw new MaintenanceException(ErrorCode.ServerUnavailable, $"The container engine answered {status}: {Expectation.Shorten(System.Text.Encoding.UTF8.GetString(body), 120)}", name);
        }

        try
        {
            using var document = JsonDocument.Parse(body);
            return Judge(document.RootElement, context, verdict);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new MaintenanceException(ErrorCode.ServerUnavailable, $"The container engine's answer cannot be read: {e.Message}", name, e);
        }
    }

    private static Observation Judge(JsonElement container, ProbeContext context, Verdict verdict)
    {
        string? Text(string path) => JsonPath.Parse(path).Find(container) is { Length: > 0 } text and not "null" ? text : null;
        var state = Text("State.Status") ?? "unknown";
        var health = Text("State.Health.Status") ?? Text("State.Healthcheck.Status");
        var restarts = int.Parse(Text("RestartCount") ?? "0", CultureInfo.InvariantCulture);
        var killed = Text("State.OOMKilled") == "true";
        verdict.Fact("State", state);
        verdict.Fact("Health", health);
        verdict.Fact("Restarts", restarts);
        verdict.Fact("OutOfMemory", killed);
        verdict.Fact("Started", Text("State.StartedAt"));
        verdict.Fact("Image", Text("Config.Image"));
        JudgeState(state, health, Text("State.ExitCode"), Text("State.Error"), verdict);
        if (killed)
        {
            verdict.Degraded("it was killed because it ran out of memory");
        }

        if (context.Last() is { } last && restarts > last.Value)
        {
            var times = restarts - last.Value;
            verdict.Degraded($"the engine restarted it{(times > 1 ? $" {times:0} times" : "")} since the last look");
        }

        return verdict.End(health is null ? state : $"{state}, {health}", restarts);
    }

    private static void JudgeState(string state, string? health, string? exitCode, string? error, Verdict verdict)
    {
        switch (state)
        {
            case "running" when health == "unhealthy":
                verdict.Unhealthy("its own health check fails");
                break;
            case "running" when health == "starting":
                verdict.Degraded("it is starting: its own health check has not passed yet");
                break;
            case "running":
                break;
            case "paused":
                verdict.Unhealthy("it is paused");
                break;
            case "restarting":
                verdict.Unhealthy("the engine restarts it again and again");
                break;
            default:
                verdict.Unhealthy($"it is {state}{(exitCode is null ? "" : $", exit code {exitCode}")}{(error is null ? "" : $": {Expectation.Shorten(error)}")}");
                break;
        }
    }

    private async Task<(int Status, byte[] Body)> Ask(ProbeContext context)
    {
        var path = socket ?? FindSocket();
        try
        {
            using var exchange = new HttpExchange(new HttpQuestion { Uri = new Uri($"http://localhost/containers/{Uri.EscapeDataString(name)}/json"), UnixSocket = path, MaxRedirects = 0 });
            using var answer = await exchange.Ask(_ => true, context.Cancellation).ConfigureAwait(false);
            return ((int)answer.StatusCode, (await BoundedBody.Read(answer, MostBytes, context.Cancellation).ConfigureAwait(false)).Bytes);
        }
        catch (OperationCanceledException e)
        {
            // The engine is stuck; of the container that says nothing.
            throw new MaintenanceException(ErrorCode.ServerUnavailable, $"The container engine at '{path}' did not answer within {Duration.Format(context.Limit)}.", path, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
        {
            throw new MaintenanceException(ErrorCode.ServerUnavailable, $"The container engine at '{path}' cannot be asked: {e.GetBaseException().Message}", path, e);
        }
    }

    private static string FindSocket()
    {
        const string Scheme = "unix://";
        var named = Environment.GetEnvironmentVariable("DOCKER_HOST");
        if (!string.IsNullOrEmpty(named) && !named.StartsWith(Scheme, StringComparison.Ordinal))
        {
            throw new MaintenanceException(ErrorCode.ServerUnavailable, "DOCKER_HOST names an engine that is not reached by a socket; only a socket can be asked. Name one with -EngineSocket.");
        }

        string?[] places =
        [
            named?.StartsWith(Scheme, StringComparison.Ordinal) == true ? named[Scheme.Length..] : null,
            "/var/run/docker.sock",
            "/run/podman/podman.sock",
            Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } runtime ? Path.Combine(runtime, "podman", "podman.sock") : null,
        ];
        return Array.Find(places, File.Exists)
            ?? throw new MaintenanceException(ErrorCode.ServerUnavailable, "No container engine was found on this machine. Give the path of its socket with -EngineSocket.");
    }
}
