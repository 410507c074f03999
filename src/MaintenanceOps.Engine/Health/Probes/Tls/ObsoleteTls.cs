using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace MaintenanceOps.Engine.Health.Probes.Tls;

/// <summary>
/// Asks a server whether it takes a version of TLS that RFC 8996 calls obsolete. The platform's own TLS refuses to offer one,
/// so the first message of a handshake (RFC 4346, 7.4.1.2) is written here; the answer to it tells, and the handshake goes no further.
/// </summary>
internal static class ObsoleteTls
{
    private const byte HandshakeRecord = 22;
    private const byte ClientHello = 1;
    private const byte ServerHello = 2;
    private const ushort Tls10 = 0x0301;
    private const ushort Tls11 = 0x0302;

    /// <summary>A server that takes the greeting answers as fast as to the first one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Those that servers of TLS 1.0 and 1.1 have had: ECDHE and DHE and RSA with AES in CBC mode, and 3DES.</summary>
    private static readonly ushort[] Ciphers = [0xC00A, 0xC014, 0xC009, 0xC013, 0x0039, 0x0033, 0x0035, 0x002F, 0x000A];

    /// <summary>The version that it takes, in words; null where it takes none of them, which it may say by hanging up or by silence.</summary>
    public static async Task<string?> Accepted(Endpoint endpoint, string serverName, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            return await Ask(endpoint, Hello(serverName), limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            return null;
        }
    }

    private static async Task<string?> Ask(Endpoint endpoint, byte[] hello, CancellationToken cancellation)
    {
        const int RecordHead = 5;
        using var client = new TcpClient();
        await client.ConnectAsync(endpoint.Host, endpoint.Port, cancellation).ConfigureAwait(false);
        var stream = client.GetStream();
        await stream.WriteAsync(hello, cancellation).ConfigureAwait(false);

        // The record's head, the message's head (4) and the version that was chosen (2). An alert is a record of another kind.
        var answer = new byte[RecordHead + 6];
        await stream.ReadExactlyAsync(answer.AsMemory(0, RecordHead), cancellation).ConfigureAwait(false);
        if (answer[0] != HandshakeRecord)
        {
            return null;
        }

        await stream.ReadExactlyAsync(answer.AsMemory(RecordHead), cancellation).ConfigureAwait(false);
        return answer[RecordHead] == ServerHello ? BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(9)) switch
        {
            Tls11 => "TLS 1.1",
            Tls10 => "TLS 1.0",
            _ => null,
        } : null;
    }

    private static byte[] Hello(string serverName)
    {
        byte[] body = [.. Number(Tls11), .. RandomNumberGenerator.GetBytes(32), 0, .. Sized(Ciphers.SelectMany(Number)), 1, 0, .. Sized(Extensions(serverName))];
        byte[] message = [ClientHello, (byte)(body.Length >> 16), .. Number((ushort)body.Length), .. body];
        return [HandshakeRecord, .. Number(Tls10), .. Sized(message)];
    }

    private static byte[] Extensions(string serverName)
    {
        const ushort ServerName = 0;
        const ushort Groups = 10;
        const ushort PointFormats = 11;
        byte[] name = Uri.CheckHostName(serverName) == UriHostNameType.Dns
            ? [.. Number(ServerName), .. Sized(Sized([0, .. Sized(Encoding.ASCII.GetBytes(Ascii.IsValid(serverName) ? serverName : new IdnMapping().GetAscii(serverName)))]))]
            : [];

        // X25519 and the curves of NIST; points uncompressed.
        return [.. name, .. Number(Groups), .. Sized(Sized([0, 29, 0, 23, 0, 24])), .. Number(PointFormats), .. Sized([1, 0])];
    }

    private static byte[] Number(ushort value) => [(byte)(value >> 8), (byte)value];

    private static byte[] Sized(IEnumerable<byte> content)
    {
        byte[] bytes = [.. content];
        return [.. Number((ushort)bytes.Length), .. bytes];
    }
}
