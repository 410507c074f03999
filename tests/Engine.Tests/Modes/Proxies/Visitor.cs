using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>What a web server answered.</summary>
internal sealed record Answer(int Status, string Body, HttpResponseMessage Message)
{
    public string Header(string name) => Message.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : "";

    public string ContentType => Message.Content.Headers.ContentType?.ToString() ?? "";
}

/// <summary>Somebody who asks a web server, from an address of choice, and believes nothing that was said before.</summary>
internal sealed class Visitor(int port, string from = "127.0.0.1") : IDisposable
{
    private readonly HttpClient client = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        PooledConnectionLifetime = TimeSpan.Zero,
        ConnectCallback = async (context, cancellation) =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
            await socket.ConnectAsync(context.DnsEndPoint, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{port}"),
        Timeout = TimeSpan.FromSeconds(20),
    };

    public Answer Get(string path, params (string Name, string Value)[] headers) => Send(HttpMethod.Get, path, null, headers);

    public Answer Post(string path, string body = "x=1") => Send(HttpMethod.Post, path, body);

    public Answer Send(HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "text/plain");
        }

        var message = client.Send(request);
        using var reader = new StreamReader(message.Content.ReadAsStream());
        return new((int)message.StatusCode, reader.ReadToEnd(), message);
    }

    /// <summary>The first line of the answer to a request that no client would tidy up.</summary>
    public string Raw(string request)
    {
        using var connection = new TcpClient("127.0.0.1", port) { ReceiveTimeout = 20_000 };
        connection.GetStream().Write(Encoding.ASCII.GetBytes(request.ReplaceLineEndings("\r\n")));
        using var reader = new StreamReader(connection.GetStream(), Encoding.ASCII);
        return reader.ReadLine() ?? "";
    }

    public void Dispose() => client.Dispose();
}
