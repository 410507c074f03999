using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Health.Probes.Redis;

/// <summary>
/// Asks a Redis server a few things in its protocol, RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/).
/// A client library keeps a connection alive and waits where a probe has to say at once that it is refused, and takes an answer
/// of any length into memory: this one gives up, and says why.
/// </summary>
internal sealed class RedisConversation : IAsyncDisposable
{
    /// <summary>All that a server may say: what it tells about itself has some ten kilobytes.</summary>
    private const int Longest = 1 << 20;

    private readonly TcpClient client;
    private readonly byte[] buffer = new byte[16 * 1024];
    private Stream stream;
    private int start;
    private int end;
    private int left = Longest;

    private RedisConversation(TcpClient client)
    {
        this.client = client;
        stream = client.GetStream();
    }

    /// <exception cref="SocketException">Nobody answers there.</exception>
    /// <exception cref="IOException">It ends the connection.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">Its certificate is not to be trusted.</exception>
    public static async Task<RedisConversation> Open(Endpoint endpoint, bool useTls, Action<IReadOnlyList<string>> tellOfCertificate, CancellationToken cancellation)
    {
        var client = new TcpClient();
        try
        {
            await client.ConnectAsync(endpoint.Host, endpoint.Port, cancellation).ConfigureAwait(false);
            var conversation = new RedisConversation(client);
            if (useTls)
            {
                await conversation.Encrypt(endpoint.Host, tellOfCertificate, cancellation).ConfigureAwait(false);
            }

            return conversation;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Sends a command.</summary>
    /// <exception cref="IOException">It ends the connection.</exception>
    /// <exception cref="InvalidDataException">It says what no Redis server says to this.</exception>
    public async Task<RedisAnswer> Ask(CancellationToken cancellation, params string[] words)
    {
        var command = new StringBuilder().Append(CultureInfo.InvariantCulture, $"*{words.Length}\r\n");
        foreach (var word in words)
        {
            command.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        }

        await stream.WriteAsync(Encoding.UTF8.GetBytes(command.ToString()), cancellation).ConfigureAwait(false);
        var line = await Line(cancellation).ConfigureAwait(false);
        return line switch
        {
            ['+' or ':', .. var text] => new(IsError: false, text),
            ['-', .. var text] => new(IsError: true, text),
            ['$', .. var length] when int.TryParse(length, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count) => new(IsError: false, await Block(count, cancellation).ConfigureAwait(false)),
            _ => throw new InvalidDataException($"it is no Redis server: '{Expectation.Shorten(line, 40)}'"),
        };
    }

    public async ValueTask DisposeAsync()
    {
        await stream.DisposeAsync().ConfigureAwait(false);
        client.Dispose();
    }

    private async Task Encrypt(string host, Action<IReadOnlyList<string>> tellOfCertificate, CancellationToken cancellation)
    {
        var encrypted = new SslStream(stream);
        stream = encrypted;
        var options = new SslClientAuthenticationOptions { TargetHost = host, RemoteCertificateValidationCallback = new TlsTrust().Validator(tellOfCertificate) };
        await encrypted.AuthenticateAsClientAsync(options, cancellation).ConfigureAwait(false);
    }

    private async Task<string> Line(CancellationToken cancellation)
    {
        using var line = new MemoryStream();
        while (true)
        {
            await Fill(cancellation).ConfigureAwait(false);
            var at = buffer.AsSpan(start..end).IndexOf((byte)'\n');
            var taken = at < 0 ? end - start : at + 1;
            line.Write(buffer, start, taken);
            start += taken;
            if (at >= 0)
            {
                return Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length).TrimEnd('\r', '\n');
            }
        }
    }

    private async Task<string> Block(int length, CancellationToken cancellation)
    {
        if (length < 0)
        {
            return "";
        }

        Require(length <= left + end - start);
        const int lineEnd = 2;
        var bytes = new byte[length + lineEnd];
        for (var have = 0; have < bytes.Length;)
        {
            await Fill(cancellation).ConfigureAwait(false);
            var taken = Math.Min(end - start, bytes.Length - have);
            buffer.AsSpan(start, taken).CopyTo(bytes.AsSpan(have));
            have += taken;
            start += taken;
        }

        return bytes is [.., (byte)'\r', (byte)'\n'] ? Encoding.UTF8.GetString(bytes, 0, length) : throw new InvalidDataException("it is no Redis server: what it says is longer than it said");
    }

    /// <summary>Has a byte at least to read.</summary>
    private async Task Fill(CancellationToken cancellation)
    {
        if (start < end)
        {
            return;
        }

        start = 0;
        end = await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false);
        left -= end;
        Require(left >= 0);
        if (end == 0)
        {
            throw new IOException("it ends the connection");
        }
    }

    private static void Require(bool isShort)
    {
        if (!isShort)
        {
            throw new InvalidDataException($"its answer is longer than {ByteSize.Format(Longest)}");
        }
    }
}
