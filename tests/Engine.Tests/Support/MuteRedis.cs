using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Speaks as much of Redis' protocol as a client needs to connect, and has nothing to say about itself.</summary>
internal sealed class MuteRedis : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();

    public MuteRedis()
    {
        listener.Start();
        _ = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ = Serve(await listener.AcceptTcpClientAsync(stop.Token));
            }
        });
    }

    public string Endpoint => listener.LocalEndpoint.ToString()!;

    public void Dispose()
    {
        stop.Cancel();
        listener.Dispose();
        stop.Dispose();
    }

    private async Task Serve(TcpClient client)
    {
        using var _ = client;
        using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
        while (await reader.ReadLineAsync(stop.Token) is { Length: > 1 } head)
        {
            var words = new List<string>();
            for (var left = int.Parse(head[1..], System.Globalization.CultureInfo.InvariantCulture); left > 0; left--)
            {
                var length = int.Parse((await reader.ReadLineAsync(stop.Token))![1..], System.Globalization.CultureInfo.InvariantCulture);
                var word = new char[length];
                await reader.ReadBlockAsync(word, stop.Token);
                await reader.ReadLineAsync(stop.Token);
                words.Add(new string(word));
            }

            var answer = words[0].ToUpperInvariant() switch
            {
                "PING" => "+PONG\r\n",
                "ECHO" => $"${words[1].Length}\r\n{words[1]}\r\n",
                "INFO" => "$0\r\n\r\n",
                "CLIENT" or "SELECT" => "+OK\r\n",
                "GET" => "$-1\r\n",
                _ => "-ERR unknown command\r\n",
            };
            await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(answer), stop.Token);
        }
    }
}
