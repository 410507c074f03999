using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>What goes wrong with a request.</summary>
public enum S3Fault
{
    None,

    /// <summary>500 InternalError; the server never sees the request.</summary>
    InternalError,

    /// <summary>503 SlowDown; the server never sees the request.</summary>
    SlowDown,

    /// <summary>The connection is reset before the server sees the request.</summary>
    Reset,

    /// <summary>The server carries the request out, and the connection is reset before the answer.</summary>
    ResetAfter,

    /// <summary>The server carries the request out, and the answer breaks off in the middle of its body.</summary>
    PartialBody,

    /// <summary>Nothing comes until the client hangs up.</summary>
    Stall,
}

/// <summary>How the server behind the proxy seems to answer.</summary>
public enum S3Dialect
{
    AsItIs,
    Aws,
    RefusesConditions,
}

/// <summary>
/// A loopback proxy in front of s3rver. It passes whole requests on, so that s3rver, which shows a half-written object,
/// never has one; and it spoils those that a test has chosen.
/// </summary>
internal sealed class S3Proxy : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly S3Server server;
    private readonly S3Dialect dialect;
    private readonly SemaphoreSlim conditional = new(1);
    private readonly CancellationTokenSource stop = new();
    private int count;

    public S3Proxy(S3Server server, S3Dialect dialect = S3Dialect.AsItIs)
    {
        this.server = server;
        this.dialect = dialect;
        listener.Start();
        _ = Accept();
    }

    public string Endpoint => $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";

    /// <summary>Chooses what to do with a request by its number, which counts from one.</summary>
    public Func<int, S3Fault> Choose { get; init; } = _ => S3Fault.None;

    /// <summary>How many requests came, and what they were.</summary>
    public int Count => Volatile.Read(ref count);

    public List<string> Seen { get; } = [];

    public void Dispose()
    {
        stop.Cancel();
        listener.Stop();
        stop.Dispose();
        conditional.Dispose();
    }

    private sealed record Message(string Start, List<(string Name, string Value)> Headers, byte[] Body)
    {
        public string Method => Start[..Start.IndexOf(' ', StringComparison.Ordinal)];

        public string Target => Start.Split(' ')[1];

        public string? this[string name] => Headers.Where(h => h.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(h => h.Value).FirstOrDefault();

        public byte[] ToBytes()
        {
            var head = new StringBuilder(Start).Append("\r\n");
            foreach (var (name, value) in Headers)
            {
                head.Append(name).Append(": ").Append(value).Append("\r\n");
            }

            return [.. Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()), .. Body];
        }
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(stop.Token);
                _ = Serve(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test has ended.
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                while (await Read(stream, isAnswer: false, default) is { } request)
                {
                    var number = Interlocked.Increment(ref count);
                    lock (Seen)
                    {
                        Seen.Add($"{request.Method} {request.Target}");
                    }

                    if (!await Answer(client, stream, request, Choose(number)))
                    {
                        return;
                    }
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The client hung up.
            }
        }
    }

    /// <summary>False when the connection is to end.</summary>
    private async Task<bool> Answer(TcpClient client, NetworkStream stream, Message request, S3Fault fault)
    {
        switch (fault)
        {
            case S3Fault.InternalError:
                await stream.WriteAsync(Error(request, 500, "InternalError"));
                return true;
            case S3Fault.SlowDown:
                await stream.WriteAsync(Error(request, 503, "SlowDown"));
                return true;
            case S3Fault.Reset:
                client.LingerState = new LingerOption(true, 0);
                return false;
            case S3Fault.ResetAfter:
                await Forward(request);
                client.LingerState = new LingerOption(true, 0);
                return false;
            case S3Fault.PartialBody:
                var answer = await Forward(request);
                await stream.WriteAsync(answer.AsMemory(0, Half(answer)));
                return false;
            case S3Fault.Stall:
                _ = await stream.ReadAsync(new byte[1], stop.Token);
                return false;
            default:
                await stream.WriteAsync(await Forward(request));
                return true;
        }
    }

    /// <summary>The head and half of the body; half of the head where there is no body.</summary>
    private static int Half(byte[] answer)
    {
        var body = answer.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
        return body < answer.Length ? body + ((answer.Length - body) / 2) : answer.Length / 2;
    }

    private async Task<byte[]> Forward(Message request)
    {
        var isConditional = request["If-None-Match"] == "*" && request.Method is "PUT" or "POST";
        if (isConditional && dialect == S3Dialect.RefusesConditions)
        {
            return Error(request, 501, "NotImplemented");
        }

        if (dialect != S3Dialect.Aws)
        {
            return await Pass(request);
        }

        if (IsDamaged(request))
        {
            return Error(request, 400, "BadDigest");
        }

        if (Uploads(request) is { } uploads)
        {
            return uploads;
        }

        if (request["Range"]?.StartsWith("bytes=-", StringComparison.Ordinal) == true && await SizeOf(request) is { } size)
        {
            var wanted = long.Parse(request["Range"]![7..], CultureInfo.InvariantCulture);
            var at = request.Headers.FindIndex(h => h.Name.Equals("Range", StringComparison.OrdinalIgnoreCase));
            request.Headers[at] = ("Range", string.Create(CultureInfo.InvariantCulture, $"bytes={Math.Max(0, size - wanted)}-{size - 1}"));
        }

        if (!isConditional)
        {
            return await Pass(request);
        }

        await conditional.WaitAsync(stop.Token);
        try
        {
            return await SizeOf(request) is null ? await Pass(request) : Error(request, 412, "PreconditionFailed");
        }
        finally
        {
            conditional.Release();
        }
    }

    /// <summary>AWS compares Content-MD5; s3rver does not.</summary>
    private static bool IsDamaged(Message request)
    {
#pragma warning disable CA5351 // It is what the protocol has.
        return request["Content-MD5"] is { } told && told != Convert.ToBase64String(MD5.HashData(request.Body));
#pragma warning restore CA5351
    }

    /// <summary>The two requests about unfinished uploads that s3rver does not know, answered out of its folder.</summary>
    private byte[]? Uploads(Message request)
    {
        var target = request.Target.Split('?');
        var folder = Path.Combine(server.FolderOf(target[0].Trim('/').Split('/')[0]), "._S3rver_uploads");
        var query = target.Length < 2 ? "" : target[1];
        if (request.Method == "GET" && query.Split('&').Any(p => p is "uploads" or "uploads="))
        {
            var xml = new StringBuilder("<?xml version=\"1.0\"?><ListMultipartUploadsResult><IsTruncated>false</IsTruncated>");
            foreach (var upload in Directory.Exists(folder) ? Directory.GetDirectories(folder) : [])
            {
                xml.Append(CultureInfo.InvariantCulture, $"<Upload><Key>{File.ReadAllText(Path.Combine(upload, "key"))}</Key><UploadId>{Path.GetFileName(upload)}</UploadId><Initiated>{Directory.GetCreationTimeUtc(upload):yyyy-MM-ddTHH:mm:ss.fffZ}</Initiated></Upload>");
            }

            return Build("200 OK", Encoding.UTF8.GetBytes(xml.Append("</ListMultipartUploadsResult>").ToString()));
        }

        if (request.Method == "DELETE" && query.Contains("uploadId=", StringComparison.Ordinal))
        {
            var upload = Path.Combine(folder, query[(query.IndexOf("uploadId=", StringComparison.Ordinal) + 9)..].Split('&')[0]);
            if (!Directory.Exists(upload))
            {
                return Error(request, 404, "NoSuchUpload");
            }

            Directory.Delete(upload, recursive: true);
            return Build("204 No Content", []);
        }

        return null;
    }

    private async Task<long?> SizeOf(Message request)
    {
        var head = request with
        {
            Start = $"HEAD {request.Target.Split('?')[0]} HTTP/1.1",
            Headers = [.. request.Headers.Where(h => h.Name.ToUpperInvariant() is not ("RANGE" or "CONTENT-LENGTH" or "IF-NONE-MATCH" or "CONTENT-MD5"))],
            Body = [],
        };
        var answer = Encoding.Latin1.GetString(await Pass(head));
        return answer.StartsWith("HTTP/1.1 200", StringComparison.Ordinal)
            ? long.Parse(answer.Split("\r\n").First(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))[15..], CultureInfo.InvariantCulture)
            : null;
    }

    /// <summary>Sends a request to s3rver and gives its answer, with a plain body of known length.</summary>
    private async Task<byte[]> Pass(Message request)
    {
        using var upstream = new TcpClient();
        await upstream.ConnectAsync(IPAddress.Loopback, server.Port, stop.Token);
        var headers = request.Headers.Where(h => h.Name.ToUpperInvariant() is not ("CONNECTION" or "EXPECT" or "IF-NONE-MATCH")).Append(("Connection", "close"));
        await upstream.GetStream().WriteAsync((request with { Headers = [.. headers] }).ToBytes(), stop.Token);
        var answer = await Read(upstream.GetStream(), isAnswer: true, request.Method == "HEAD") ?? throw new IOException("s3rver did not answer.");
        var kept = answer.Headers.Where(h => h.Name.ToUpperInvariant() is not ("CONNECTION" or "TRANSFER-ENCODING" or "KEEP-ALIVE")).ToList();
        if (answer["Content-Length"] is null)
        {
            kept.Add(("Content-Length", answer.Body.Length.ToString(CultureInfo.InvariantCulture)));
        }

        return (answer with { Headers = kept }).ToBytes();
    }

    private static byte[] Error(Message request, int status, string code) => Build(
        $"{status} {code}",
        request.Method == "HEAD" ? [] : Encoding.UTF8.GetBytes($"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>Injected by the test.</Message></Error>"));

    private static byte[] Build(string status, byte[] body) =>
        new Message($"HTTP/1.1 {status}", [("Content-Type", "application/xml"), ("Content-Length", body.Length.ToString(CultureInfo.InvariantCulture))], body).ToBytes();

    /// <summary>Reads a request or an answer whole; null at the end of the connection.</summary>
    private async Task<Message?> Read(NetworkStream stream, bool isAnswer, bool withoutBody)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < 4 || !head[^4..].SequenceEqual("\r\n\r\n"u8.ToArray()))
        {
            if (await stream.ReadAsync(one, stop.Token) == 0)
            {
                return null;
            }

            head.Add(one[0]);
        }

        var lines = Encoding.Latin1.GetString([.. head]).TrimEnd().Split("\r\n");
        var headers = lines[1..].Select(l => (l[..l.IndexOf(':', StringComparison.Ordinal)], l[(l.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim())).ToList();
        var message = new Message(lines[0], headers, []);
        if (message["Expect"] is not null)
        {
            await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), stop.Token);
        }

        if (withoutBody)
        {
            return message;
        }

        if (message["Transfer-Encoding"] is not null)
        {
            return message with { Body = await ReadChunks(stream) };
        }

        if (message["Content-Length"] is { } length)
        {
            var body = new byte[int.Parse(length, CultureInfo.InvariantCulture)];
            var got = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, stop.Token);
            return message with { Body = body[..got] };
        }

        if (isAnswer && !lines[0].Contains(" 204", StringComparison.Ordinal) && !lines[0].Contains(" 304", StringComparison.Ordinal))
        {
            var rest = new MemoryStream();
            await stream.CopyToAsync(rest, stop.Token);
            return message with { Body = rest.ToArray() };
        }

        return message;
    }

    private async Task<byte[]> ReadChunks(NetworkStream stream)
    {
        var body = new MemoryStream();
        while (true)
        {
            var line = new StringBuilder();
            var one = new byte[1];
            do
            {
                await stream.ReadExactlyAsync(one, stop.Token);
                line.Append((char)one[0]);
            }
            while (one[0] != '\n');

            var chunk = new byte[int.Parse(line.ToString().Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) + 2];
            await stream.ReadExactlyAsync(chunk, stop.Token);
            body.Write(chunk, 0, chunk.Length - 2);
            if (chunk.Length == 2)
            {
                return body.ToArray();
            }
        }
    }
}
