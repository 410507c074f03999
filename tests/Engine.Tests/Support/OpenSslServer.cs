using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>OpenSSL's server, told to take and to send what this platform's TLS would not.</summary>
internal sealed class OpenSslServer : IDisposable
{
    private readonly Process process;
    private readonly int port;

    public OpenSslServer(string pem, params string[] settings)
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            port = ((IPEndPoint)free.LocalEndpoint).Port;
        }

        process = Process.Start(new ProcessStartInfo("openssl", ["s_server", "-accept", $"127.0.0.1:{port}", "-cert", pem, "-key", pem, "-cipher", "ALL:@SECLEVEL=0", "-quiet", .. settings])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        Assert(SpinWait.SpinUntil(Answers, TimeSpan.FromSeconds(10)));
    }

    public string Endpoint => $"localhost:{port}";

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private static void Assert(bool isUp)
    {
        if (!isUp)
        {
            throw new InvalidOperationException("openssl s_server does not listen.");
        }
    }

    private bool Answers()
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
