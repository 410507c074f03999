using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;

namespace MaintenanceOps.Engine.Health.Probes.Http;

/// <summary>Asks a web address. The server may be hostile: time, memory and redirects are bounded whatever it sends.</summary>
public sealed class HttpProbe : IProbe
{
    private const int DeepestJson = 64;
    private readonly HttpQuestion question;
    private readonly HttpExpectation expected;

    /// <param name="question">What is asked.</param>
    /// <param name="expected">What the answer should be.</param>
    public HttpProbe(HttpQuestion question, HttpExpectation? expected = null)
    {
        ArgumentNullException.ThrowIfNull(question);
        question.Check();
        this.question = question;
        this.expected = expected ?? new HttpExpectation();
    }

    /// <inheritdoc/>
    public string Kind => "http";

    /// <inheritdoc/>
    public string Target => question.Place;

    /// <inheritdoc/>
    public async Task<Observation> Observe(ProbeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var verdict = new Verdict();
        using var client = new HttpExchange(question);
        try
        {
            using var answer = await client.Ask(expected.Accepts, context.Cancellation).ConfigureAwait(false);
            await Judge(answer, client, verdict, context.Cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or AuthenticationException or InvalidDataException or SocketException)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            verdict.Unhealthy(client.TrustProblems.Count > 0 ? string.Join("; ", client.TrustProblems) : Words(e));
        }
        catch (UntrustedAnswerException e)
        {
            verdict.Unhealthy(e.Message);
        }

        verdict.Fact("Redirects", client.Redirects.Count > 0 ? client.Redirects.ToArray() : null);
        return verdict.End(verdict.Status == HealthStatus.Healthy ? client.Summary : "");
    }

    private async Task Judge(HttpResponseMessage answer, HttpExchange client, Verdict verdict, CancellationToken cancellation)
    {
        var status = (int)answer.StatusCode;
        verdict.Fact("StatusCode", status);
        if (!expected.Accepts(status))
        {
            verdict.Unhealthy($"it answered {status}{(answer.ReasonPhrase is { Length: > 0 } phrase ? " " + Expectation.Shorten(phrase, 40) : "")}, and should answer {expected.StatusText}");
        }

        foreach (var (name, wanted) in expected.Headers)
        {
            var value = answer.Headers.TryGetValues(name, out var values) || answer.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : null;
            Complain(verdict, wanted.Complaint($"the header {name}", value));
        }

        var body = await BoundedBody.Read(answer, question.MaxBody, cancellation).ConfigureAwait(false);
        client.Read(body);
        verdict.Fact("Size", body.Bytes.Length);
        if (body.IsCut && expected.NeedsBody)
        {
            verdict.Unhealthy($"the answer is larger than {ByteSize.Format(question.MaxBody)}, so it was not read to its end");
            return;
        }

        if (expected.Size is { } size)
        {
            Complain(verdict, size.Complaint("its size in bytes", body.Bytes.Length.ToString(CultureInfo.InvariantCulture)));
        }

        var text = expected.NeedsBody ? EncodingOf(answer).GetString(body.Bytes) : "";
        if (expected.Body is { } pattern)
        {
            Complain(verdict, pattern.Complaint("the answer", text));
        }

        if (expected.Json.Count > 0)
        {
            JudgeJson(text, verdict);
        }
    }

    /// <summary>What the server says that its text is written in; UTF-8 where it says nothing that is known.</summary>
    private static Encoding EncodingOf(HttpResponseMessage answer)
    {
        try
        {
            return Encoding.GetEncoding(answer.Content.Headers.ContentType?.CharSet?.Trim('"') ?? "utf-8");
        }
        catch (ArgumentException)
        {
            return Encoding.UTF8;
        }
    }

    private void JudgeJson(string text, Verdict verdict)
    {
        try
        {
            using var document = JsonDocument.Parse(text.TrimStart('\uFEFF'), new JsonDocumentOptions { MaxDepth = DeepestJson });
            foreach (var (path, wanted) in expected.Json)
            {
                Complain(verdict, wanted.Complaint(path.ToString(), path.Find(document.RootElement)));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A wrong status has said so already, and its page is for people.
            if (verdict.Status == HealthStatus.Healthy)
            {
                verdict.Unhealthy($"the answer is no JSON ('{Expectation.Shorten(text, 30)}')");
            }
        }
    }

    private static void Complain(Verdict verdict, string? complaint)
    {
        if (complaint is not null)
        {
            verdict.Unhealthy(complaint);
        }
    }

    /// <summary>The innermost message is the one that says what happened.</summary>
    private static string Words(Exception e) => e switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => $"the name cannot be resolved: {Innermost(e)}",
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => $"no connection: {Innermost(e)}",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => $"no trusted TLS connection: {Innermost(e)}",
        HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } => "its headers are larger than 64 KiB",
        _ => $"the answer is broken: {Innermost(e)}",
    };

    private static string Innermost(Exception e) => Expectation.Shorten(e.GetBaseException().Message, 120);
}
