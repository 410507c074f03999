using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A server that says exactly what a test wants, byte for byte, as a hostile or broken one would.</summary>
internal sealed class RawServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stopping = new();
    private readonly Func<string, Stream, CancellationToken, Task> answer;

    /// <param name="answer">Gets the request's head and the stream to write to; the connection ends when it does.</param>
    public RawServer(Func<string, Stream, CancellationToken, Task> answer)
    {
        this.answer = answer;
        listener.Start();
        _ = Accept();
    }

    /// <summary>Answers with the same text each time.</summary>
    public RawServer(string text)
        : this((_, stream, stop) => Write(stream, text, stop))
    {
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public Uri Uri => new($"http://127.0.0.1:{Port}/health");

    public List<string> Requests { get; } = [];

    public static string Ok(string body, string headers = "") =>
        $"HTTP/1.1 200 OK\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n{headers}\r\n{body}";

    public static Task Write(Stream stream, string text, CancellationToken stop) => stream.WriteAsync(Encoding.UTF8.GetBytes(text), stop).AsTask();

    public void Dispose()
    {
        stopping.Cancel();
        listener.Dispose();
        stopping.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                _ = Serve(await listener.AcceptTcpClientAsync(stopping.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Serve(TcpClient client)
    {
        try
        {
            using var _ = client;
            var stream = client.GetStream();
            var head = await Head(stream);
            lock (Requests)
            {
                Requests.Add(head);
            }

            await answer(head, stream, stopping.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The client has gone, which is what many a test is about.
        }
    }

    private async Task<string> Head(NetworkStream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!text.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(buffer, stopping.Token) is > 0 and var read)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
            if (!char.IsAsciiLetter(text[0]))
            {
                // No HTTP: a TLS client, which is answered at once.
                break;
            }
        }

        return text.ToString();
    }
}
