using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using MaintenanceOps.Engine.Health;

namespace MaintenanceOps.Engine.Modes.Hooks;

/// <summary>
/// Silences of Prometheus' Alertmanager by its API v2. A silence ends by itself with the lease, so one that nobody could take
/// away does no lasting harm.
/// </summary>
public sealed class Alertmanager
{
    private const int MostBytes = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly IReadOnlyDictionary<string, string> labels;
    private readonly string address;

    /// <param name="address">Where it is, such as <c>http://localhost:9093</c>.</param>
    /// <param name="labels">Which alerts: their labels. Without any, all would be silent, which is refused.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public Alertmanager(Uri address, IReadOnlyDictionary<string, string> labels)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(labels);
        new Engine.Health.Probes.Http.HttpQuestion { Uri = address }.Check();
        if (address.UserInfo.Length > 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Alertmanager's address holds a password, and would stand in the flag that everybody can read.");
        }

        if (labels.Count == 0 || labels.Any(l => l.Key.Length == 0 || l.Value.Length == 0))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Say which alerts are to be silent by at least one label with a value, such as app=notes.");
        }

        this.address = address.AbsoluteUri.TrimEnd('/');
        this.labels = labels;
    }

    /// <summary>Makes a silence.</summary>
    /// <param name="lease">Whose reason, owner and end it has.</param>
    /// <returns>The silence's own address, for whoever ends it.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>.</exception>
    internal string Silence(MaintenanceLease lease)
    {
        var body = new SilenceRequest
        {
            Matchers = [.. labels.Select(l => new SilenceMatcher(l.Key, l.Value))],
            StartsAt = lease.Since,
            EndsAt = lease.Until,
            CreatedBy = lease.By,
            Comment = lease.Reason.Length > 0 ? lease.Reason : "maintenance mode",
        };
        return Post(address, body);
    }

    /// <summary>Moves the end of a silence; what it silences it knows itself, so whoever extends the lease need not.</summary>
    /// <param name="silence">The silence's own address.</param>
    /// <param name="until">Its new end.</param>
    /// <returns>The address that it has now: Alertmanager may make a new one.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>.</exception>
    internal static string Extend(string silence, DateTimeOffset until)
    {
        var uri = AddressOf(silence);
        var known = Read(uri, Send(HttpMethod.Get, uri, null), AlertmanagerJson.Default.SilenceRequest)
            ?? throw Unavailable(uri, "it no longer knows the silence.", null);
        return Post(silence[..silence.IndexOf("/api/v2/", StringComparison.Ordinal)], known with { EndsAt = until });
    }

    private static string Post(string address, SilenceRequest body)
    {
        var answer = Send(HttpMethod.Post, new Uri($"{address}/api/v2/silences"), JsonSerializer.SerializeToUtf8Bytes(body, AlertmanagerJson.Default.SilenceRequest));
        var id = Read(new Uri(address), answer, AlertmanagerJson.Default.SilenceAnswer)?.SilenceID;
        return Guid.TryParse(id, out _) ? $"{address}/api/v2/silence/{id}" : throw Unavailable(new Uri(address), "its answer names no silence.", null);
    }

    private static T? Read<T>(Uri uri, byte[] answer, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, type);
        }
        catch (JsonException e)
        {
            throw Unavailable(uri, "its answer cannot be read.", e);
        }
    }

    /// <summary>Ends a silence. One that is gone already is no error.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>.</exception>
    internal static void End(string silence) => Send(HttpMethod.Delete, AddressOf(silence), null);

    /// <summary>It stands in a file that others may write: nothing but a silence is asked for.</summary>
    private static Uri AddressOf(string silence) =>
        Uri.TryCreate(silence, UriKind.Absolute, out var uri) && (uri.Scheme is "http" or "https") && uri.AbsolutePath.Split("/api/v2/silence/") is [_, var id] && Guid.TryParse(id, out _)
            ? uri
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "The flag names a silence that is none.");

    private static byte[] Send(HttpMethod method, Uri uri, byte[]? body)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { MaxResponseContentBufferSize = MostBytes };
        try
        {
            using var request = new HttpRequestMessage(method, uri) { Content = body is null ? null : new ByteArrayContent(body) { Headers = { { "Content-Type", "application/json" } } } };
            using var answer = client.Send(request, HttpCompletionOption.ResponseContentRead, limit.Token);
            using var content = new MemoryStream();
            answer.Content.ReadAsStream(limit.Token).CopyTo(content);
            return answer.IsSuccessStatusCode || (method == HttpMethod.Delete && answer.StatusCode == HttpStatusCode.NotFound)
                ? content.ToArray()
                : throw Unavailable(uri, $"it answered {(int)answer.StatusCode}: {Expectation.Shorten(Encoding.UTF8.GetString(content.ToArray()), 160)}", null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw Unavailable(uri, e.GetBaseException().Message, e);
        }
    }

    private static MaintenanceException Unavailable(Uri uri, string why, Exception? cause) =>
        new(ErrorCode.ServerUnavailable, $"Alertmanager at {uri.GetLeftPart(UriPartial.Authority)} cannot be used: {why}", uri.Authority, cause);
}

internal sealed record SilenceRequest
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Id { get; init; }

    public required SilenceMatcher[] Matchers { get; init; }

    public required DateTimeOffset StartsAt { get; init; }

    public required DateTimeOffset EndsAt { get; init; }

    public required string CreatedBy { get; init; }

    public required string Comment { get; init; }
}

internal sealed record SilenceMatcher(string Name, string Value, bool IsRegex = false, bool IsEqual = true);

internal sealed record SilenceAnswer(string? SilenceID);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(SilenceRequest))]
[JsonSerializable(typeof(SilenceAnswer))]
internal sealed partial class AlertmanagerJson : JsonSerializerContext;
