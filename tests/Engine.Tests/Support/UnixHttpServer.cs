using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Answers HTTP on a unix socket, as a container engine does.</summary>
internal sealed class UnixHttpServer : IDisposable
{
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Func<string, (int Status, string Body)> answer;

    /// <param name="path">The socket.</param>
    /// <param name="answer">The status and body for a request's path.</param>
    public UnixHttpServer(string path, Func<string, (int Status, string Body)> answer)
    {
        this.answer = answer;
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        _ = Accept();
    }

    public void Dispose() => listener.Dispose();

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptAsync();
                var buffer = new byte[8192];
                var length = await client.ReceiveAsync(buffer);
                var (status, body) = answer(Encoding.UTF8.GetString(buffer, 0, length).Split(' ')[1]);
                await client.SendAsync(Encoding.UTF8.GetBytes($"HTTP/1.1 {status} Status\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{body}"));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
