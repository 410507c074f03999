using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Benchmarks;

/// <summary>Two hundred web addresses asked at once, each of which takes a while to answer, against curl on the same server.</summary>
internal sealed class HealthBenchmark(Options options, string mops, ResultTable table)
{
    private const int Addresses = 200;
    private static readonly TimeSpan Slowest = TimeSpan.FromMilliseconds(400);

    public void Run()
    {
        using var server = new SlowServer();
        string[] addresses = [.. Enumerable.Range(0, Addresses).Select(i => $"http://127.0.0.1:{server.Port}/{i}")];
        var list = Path.Combine(options.Work, "addresses");
        File.WriteAllLines(list, addresses.Select(a => $"url = \"{a}\"\noutput = /dev/null"));
        var (ours, theirs) = (new List<Cost>(), new List<Cost>());
        for (var round = 0; round <= options.Rounds; round++)
        {
            var a = Tool.Run([mops, "health", "--no-history", .. addresses]);
            var b = Tool.Run("curl", "--silent", "--parallel", "--parallel-immediate", "--parallel-max", $"{Addresses}", "--config", list);

            // The first round warms the caches of both.
            if (round > 0)
            {
                ours.Add(a);
                theirs.Add(b);
            }
        }

        table.Time($"{Addresses} web addresses, the slowest {Slowest.TotalMilliseconds:0} ms", "`curl --parallel --parallel-immediate`", ours, theirs, 1.5);
        table.Limit($"{Addresses} web addresses, beyond the slowest", (ResultTable.Median(ours, c => c.Seconds) - Slowest.TotalSeconds) * 1000, "ms", 1000);
        table.Limit($"{Addresses} web addresses, memory", ResultTable.Median(ours, c => c.PeakMiB), "MiB", 200);
    }

    /// <summary>Answers each address after a time of its own, up to the slowest.</summary>
    private sealed class SlowServer : IDisposable
    {
        private static readonly byte[] Answer = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{\"status\":\"healthy\"}");
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);

        public SlowServer()
        {
            listener.Start(Addresses * 2);
            _ = Accept();
        }

        public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

        public void Dispose() => listener.Dispose();

        private async Task Accept()
        {
            try
            {
                for (var i = 0; ; i++)
                {
                    _ = Serve(await listener.AcceptTcpClientAsync(), Slowest * (i % Addresses + 1) / Addresses);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The measurement is over.
            }
        }

        private static async Task Serve(TcpClient client, TimeSpan delay)
        {
            try
            {
                using var _ = client;
                var stream = client.GetStream();
                await stream.ReadAtLeastAsync(new byte[4096], 1);
                await Task.Delay(delay);
                await stream.WriteAsync(Answer);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // A peer that ends early has its own failure.
            }
        }
    }
}
