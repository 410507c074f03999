using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using MaintenanceOps.Engine.Tests.Support;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>A web server's own process, in the foreground, as the user that runs the tests; it ends with the test.</summary>
internal sealed class RunningProxy : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Process process;
    private readonly StringBuilder said = new();

    private RunningProxy(Process process) => this.process = process;

    public static RunningProxy Start(string program, string folder, int port, params string[] arguments)
    {
        var start = new ProcessStartInfo(PeerFactAttribute.PathOf(program) ?? program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = folder };

        // Caddy keeps its state below the home.
        start.Environment["HOME"] = folder;
        start.Environment["XDG_DATA_HOME"] = folder;
        start.Environment["XDG_CONFIG_HOME"] = folder;
        var proxy = new RunningProxy(Process.Start(start)!);
        proxy.Listen();
        try
        {
            proxy.WaitFor(port);
        }
        catch
        {
            proxy.Dispose();
            throw;
        }

        return proxy;
    }

    /// <summary>A port that nobody listens at.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public string Said
    {
        get
        {
            lock (said)
            {
                return said.ToString();
            }
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        process.Dispose();
    }

    private void Listen()
    {
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private void Note(string? line)
    {
        lock (said)
        {
            said.AppendLine(line);
        }
    }

    private void WaitFor(int port)
    {
        var waiting = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var client = new TcpClient();
                client.Connect(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (waiting.Elapsed < Patience && !process.HasExited)
            {
                Thread.Sleep(50);
            }
            catch (SocketException e)
            {
                // With all that an ended process has written.
                process.WaitForExit(1000);
                throw new InvalidOperationException($"It does not listen at port {port}. It said: {Said}", e);
            }
        }
    }
}
