using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Health.Probes.Http;

/// <summary>One question on a connection of its own, with its redirects: a probe that reused a connection would not see that new ones fail.</summary>
internal sealed class HttpExchange : IDisposable
{
    /// <summary>In KiB, as the handler counts: more headers than this are no answer.</summary>
    private const int MostHeaders = 64;

    private readonly HttpQuestion question;
    private readonly HttpMessageInvoker invoker;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private int status;
    private int size;

    public HttpExchange(HttpQuestion question)
    {
        this.question = question;
        invoker = new HttpMessageInvoker(Handler());
    }

    /// <summary>The address, without anything secret.</summary>
    public string Place => question.Place;

    /// <summary>Where it was sent on to.</summary>
    public List<string> Redirects { get; } = [];

    /// <summary>Why a certificate was not trusted.</summary>
    public List<string> TrustProblems { get; } = [];

    /// <summary>What is said where all is well.</summary>
    public string Summary => $"{status} in {Duration.Format(clock.Elapsed)}, {ByteSize.Format(size)}";

    /// <summary>Asks, and follows redirects unless the status is what is wanted.</summary>
    /// <exception cref="UntrustedAnswerException">It is sent on somewhere where it must not go.</exception>
    public async Task<HttpResponseMessage> Ask(Predicate<int> isWanted, CancellationToken cancellation)
    {
        var uri = question.Uri;
        var method = new HttpMethod(question.Method.ToUpperInvariant());
        while (true)
        {
            using var request = Request(uri, method);
            var answer = await invoker.SendAsync(request, cancellation).ConfigureAwait(false);
            status = (int)answer.StatusCode;
            if (isWanted(status) || status is not (301 or 302 or 303 or 307 or 308) || question.MaxRedirects == 0 || answer.Headers.Location is not { } location)
            {
                return answer;
            }

            answer.Dispose();
            var next = location.IsAbsoluteUri ? location : new Uri(uri, location);
            Require(uri, next);
            method = status is 307 or 308 || method == HttpMethod.Head ? method : HttpMethod.Get;
            uri = next;
        }
    }

    public void Read(BoundedBody body) => size = body.Bytes.Length;

    public void Dispose() => invoker.Dispose();

    private void Require(Uri from, Uri to)
    {
        Redirects.Add(Expectation.Shorten(new HttpQuestion { Uri = to }.Place, 200));
        if (to.Scheme != Uri.UriSchemeHttps && to.Scheme != from.Scheme)
        {
            throw new UntrustedAnswerException($"it redirects from {from.Scheme} to {Expectation.Shorten(to.Scheme, 10)}");
        }

        if (Redirects.Count > question.MaxRedirects)
        {
            throw new UntrustedAnswerException($"it redirects more than {question.MaxRedirects} times");
        }
    }

    private HttpRequestMessage Request(Uri uri, HttpMethod method)
    {
        var request = new HttpRequestMessage(method, uri) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };
        if (uri.Authority == question.Uri.Authority && question.Body is { } body && method.Method.Equals(question.Method, StringComparison.OrdinalIgnoreCase))
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        }

        if (uri.Authority == question.Uri.Authority && WebAddress.BasicAuthorization(question.Uri) is { } basic && !question.Headers.Keys.Contains("Authorization", StringComparer.OrdinalIgnoreCase))
        {
            request.Headers.TryAddWithoutValidation("Authorization", basic);
        }

        // What was meant for one host is not told to another that it sends us to.
        foreach (var (name, value) in question.Headers)
        {
            if (uri.Authority == question.Uri.Authority && name.Equals("Host", StringComparison.OrdinalIgnoreCase))
            {
                // By its own property, or the automatic one would be sent beside it.
                request.Headers.Host = value;
            }
            else if (uri.Authority == question.Uri.Authority && !request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
        }

        if (question.Trust.ServerName is { } server && uri.Authority == question.Uri.Authority)
        {
            // The handler takes the name that TLS asks for from here.
            request.Headers.Host = server;
        }

        request.Headers.TryAddWithoutValidation("User-Agent", "MaintenanceOps");
        return request;
    }

    private SocketsHttpHandler Handler()
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxResponseHeadersLength = MostHeaders,
            UseCookies = false,
            Credentials = null,
            ResponseDrainTimeout = TimeSpan.Zero,
            MaxResponseDrainSize = 0,
            SslOptions = new SslClientAuthenticationOptions
            {
                TargetHost = question.Trust.ServerName,
                RemoteCertificateValidationCallback = question.Trust.Validator(TrustProblems.AddRange),
            },
        };
        if (question.UnixSocket is { } path)
        {
            handler.UseProxy = false;
            handler.ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        return handler;
    }
}

/// <summary>The server answered with something that is not followed.</summary>
internal sealed class UntrustedAnswerException(string message) : Exception(message);
