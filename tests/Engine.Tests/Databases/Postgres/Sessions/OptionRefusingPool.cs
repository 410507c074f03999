using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Sessions;

/// <summary>Stands before a real server and refuses startup options in the words of PgBouncer; all else it passes on.</summary>
internal sealed class OptionRefusingPool : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly string sockets;

    public OptionRefusingPool(string sockets)
    {
        this.sockets = sockets;
        listener.Start();
        _ = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public bool HasRefused { get; private set; }

    public void Dispose() => listener.Dispose();

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                _ = Serve(await listener.AcceptTcpClientAsync().ConfigureAwait(false));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            var length = new byte[4];
            await stream.ReadExactlyAsync(length).ConfigureAwait(false);
            var startup = new byte[BinaryPrimitives.ReadInt32BigEndian(length) - 4];
            await stream.ReadExactlyAsync(startup).ConfigureAwait(false);
            if (startup.AsSpan().IndexOf("\0options\0"u8) >= 0)
            {
                HasRefused = true;
                await stream.WriteAsync(Refusal()).ConfigureAwait(false);
                return;
            }

            using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await server.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(sockets, ".s.PGSQL.5432"))).ConfigureAwait(false);
            using var behind = new NetworkStream(server);
            await behind.WriteAsync(length).ConfigureAwait(false);
            await behind.WriteAsync(startup).ConfigureAwait(false);
            await Task.WhenAny(stream.CopyToAsync(behind), behind.CopyToAsync(stream)).ConfigureAwait(false);
        }
    }

    private static byte[] Refusal()
    {
        var fields = Encoding.UTF8.GetBytes("SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0");
        var message = new byte[5 + fields.Length];
        message[0] = (byte)'E';
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), 4 + fields.Length);
        fields.CopyTo(message, 5);
        return message;
    }
}
