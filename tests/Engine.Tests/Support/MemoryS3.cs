using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>An answer of the server as it would be, for a test to spoil.</summary>
internal sealed record S3Answer(int Status, byte[] Body, Dictionary<string, string> Headers)
{
    /// <summary>Waits this long between any two bytes of the body.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>Sends nothing until the client hangs up.</summary>
    public bool Stalls { get; init; }

    public static S3Answer Of(int status, string body) => new(status, Encoding.UTF8.GetBytes(body), []);
}

/// <summary>An S3 server in memory whose every answer a test may replace by another one. It honours conditions and ranges.</summary>
internal sealed class MemoryS3 : IDisposable
{
    private readonly HttpListener listener;
    private readonly ConcurrentDictionary<string, (byte[] Bytes, DateTimeOffset At)> objects = new();
    private readonly CancellationTokenSource stop = new();

    public MemoryS3()
    {
        for (var port = 20_000 + Random.Shared.Next(20_000); ; port++)
        {
            // One that failed to start can be used no more.
            listener = new HttpListener();
            try
            {
                listener.Prefixes.Add($"http://127.0.0.1:{port}/");
                listener.Start();
                Endpoint = $"http://127.0.0.1:{port}";
                break;
            }
            catch (HttpListenerException)
            {
                // Taken.
            }
        }

        _ = Task.Run(Accept);
    }

    public string Endpoint { get; }

    /// <summary>Keys on one page of a listing.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>Keys that a listing does not show yet.</summary>
    public Func<string, bool> Hides { get; set; } = _ => false;

    /// <summary>Is given the method, the key with the query, and the right answer; returns what is sent.</summary>
    public Func<string, string, S3Answer, S3Answer> Spoil { get; set; } = (_, _, answer) => answer;

    public ConcurrentBag<string> Requests { get; } = [];

    public IReadOnlyCollection<string> Keys => [.. objects.Keys];

    public string Location(string prefix) => $"s3://bucket/{prefix}?endpoint={Endpoint}";

    public void Dispose()
    {
        stop.Cancel();
        listener.Close();
        stop.Dispose();
    }

    private async Task Accept()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var context = await listener.GetContextAsync();
                _ = Task.Run(() => Serve(context));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task Serve(HttpListenerContext context)
    {
        try
        {
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            var target = context.Request.Url!;
            var key = Uri.UnescapeDataString(target.AbsolutePath).TrimStart('/')["bucket".Length..].TrimStart('/');
            Requests.Add($"{context.Request.HttpMethod} {key}{target.Query}");
            var answer = Spoil(context.Request.HttpMethod, key + target.Query, Answer(context.Request, key, body.ToArray()));
            await Send(context, answer);
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            context.Response.Abort();
        }
    }

    private async Task Send(HttpListenerContext context, S3Answer answer)
    {
        if (answer.Stalls)
        {
            await Task.Delay(Timeout.Infinite, stop.Token);
        }

        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
        {
            context.Response.Headers[name] = value;
        }

        var isHead = context.Request.HttpMethod == "HEAD";
        context.Response.ContentLength64 = answer.Body.Length;
        if (!isHead)
        {
            foreach (var part in answer.Pause == TimeSpan.Zero ? [answer.Body] : answer.Body.Select(b => new[] { b }))
            {
                await context.Response.OutputStream.WriteAsync(part, stop.Token);
                await context.Response.OutputStream.FlushAsync(stop.Token);
                await Task.Delay(answer.Pause, stop.Token);
            }
        }

        context.Response.Close();
    }

    private S3Answer Answer(HttpListenerRequest request, string key, byte[] body) => (request.HttpMethod, key) switch
    {
        ("GET", "") when request.Url!.Query.Contains("uploads", StringComparison.Ordinal) => S3Answer.Of(200, "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"),
        ("GET", "") => List(request.QueryString["prefix"] ?? "", request.QueryString["continuation-token"] ?? ""),
        ("PUT", _) when request.Headers["If-None-Match"] == "*" => objects.TryAdd(key, (body, DateTimeOffset.UtcNow)) ? Stored(body) : Error(412, "PreconditionFailed"),
        ("PUT", _) => Put(key, body),
        ("DELETE", _) => objects.TryRemove(key, out _) ? S3Answer.Of(204, "") : S3Answer.Of(204, ""),
        _ => objects.TryGetValue(key, out var found) ? Part(found.Bytes, request.Headers["Range"]) : Error(404, "NoSuchKey"),
    };

    private S3Answer Put(string key, byte[] body)
    {
        objects[key] = (body, DateTimeOffset.UtcNow);
        return Stored(body);
    }

    private S3Answer List(string prefix, string token)
    {
        var keys = objects.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal) && string.CompareOrdinal(k, token) > 0 && !Hides(k)).Order(StringComparer.Ordinal).ToList();
        var page = keys.Take(PageSize).ToList();
        var xml = new StringBuilder("<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bucket</Name>");
        xml.Append(CultureInfo.InvariantCulture, $"<Prefix>{prefix}</Prefix><KeyCount>{page.Count}</KeyCount><IsTruncated>{(keys.Count > page.Count ? "true" : "false")}</IsTruncated>");
        xml.Append(keys.Count > page.Count ? $"<NextContinuationToken>{page[^1]}</NextContinuationToken>" : "");
        foreach (var key in page.Where(objects.ContainsKey))
        {
            xml.Append(CultureInfo.InvariantCulture, $"<Contents><Key>{key}</Key><LastModified>{objects[key].At:yyyy-MM-ddTHH:mm:ss.fffZ}</LastModified><ETag>\"x\"</ETag><Size>{objects[key].Bytes.Length}</Size></Contents>");
        }

        return S3Answer.Of(200, xml.Append("</ListBucketResult>").ToString());
    }

    private static S3Answer Part(byte[] bytes, string? range)
    {
        if (range is null)
        {
            return new S3Answer(200, bytes, new() { ["ETag"] = Tag(bytes) });
        }

        var ends = range["bytes=".Length..].Split('-');
        var first = ends[0].Length > 0 ? int.Parse(ends[0], CultureInfo.InvariantCulture) : Math.Max(0, bytes.Length - int.Parse(ends[1], CultureInfo.InvariantCulture));
        var last = ends[0].Length > 0 && ends[1].Length > 0 ? Math.Min(int.Parse(ends[1], CultureInfo.InvariantCulture), bytes.Length - 1) : bytes.Length - 1;
        return first >= bytes.Length
            ? Error(416, "InvalidRange")
            : new S3Answer(206, bytes[first..(last + 1)], new() { ["ETag"] = Tag(bytes), ["Content-Range"] = $"bytes {first}-{last}/{bytes.Length}" });
    }

    private static S3Answer Stored(byte[] body) => new(200, [], new() { ["ETag"] = Tag(body) });

    private static S3Answer Error(int status, string code) => S3Answer.Of(status, $"<Error><Code>{code}</Code><Message>{code}</Message></Error>");

#pragma warning disable CA5351 // It is what the protocol has.
    private static string Tag(byte[] bytes) => $"\"{Convert.ToHexStringLower(MD5.HashData(bytes))}\"";
#pragma warning restore CA5351
}
