using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A real Redis server of a test's own.</summary>
internal sealed class RedisServer : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly Process process;

    public RedisServer(params string[] settings)
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Port = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        process = Process.Start(new ProcessStartInfo("redis-server", ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", folder.Path, "--save", "", .. settings]) { RedirectStandardOutput = true })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        for (var i = 0; i < 100 && !Answers(); i++)
        {
            Thread.Sleep(50);
        }
    }

    public int Port { get; }

    public string Folder => folder.Path;

    public string Endpoint => $"127.0.0.1:{Port}";

    /// <summary>Sends a command; a refusal is no failure.</summary>
    public void Ask(params string[] words)
    {
        using var client = new TcpClient("127.0.0.1", Port);
        using var stream = client.GetStream();
        stream.Write(Encoding.UTF8.GetBytes($"*{words.Length}\r\n" + string.Concat(words.Select(w => $"${Encoding.UTF8.GetByteCount(w)}\r\n{w}\r\n"))));
        stream.ReadByte();
    }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        folder.Dispose();
    }

    private bool Answers()
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
