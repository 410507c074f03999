using System.IO.Compression;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>What a web address answers is judged, and a hostile one costs little time and memory.</summary>
public sealed class HttpProbeTests
{
    private const long MostMemory = 64L << 20;

    [Theory]
    [InlineData("GET", "X-A", "v\r\nEvil: 1")]
    [InlineData("GET", "X A", "v")]
    [InlineData("GET", "X\n", "v")]
    [InlineData("GE T", "X-A", "v")]
    public void What_would_mean_more_than_a_header_is_refused(string method, string name, string value)
    {
        var question = new HttpQuestion { Uri = new Uri("http://127.0.0.1/"), Method = method, Headers = new Dictionary<string, string> { [name] = value } };
        var error = Assert.Throws<MaintenanceException>(() => new HttpProbe(question));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.DoesNotContain("Evil", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_is_held_against_status_json_headers_text_and_size()
    {
        using var server = new RawServer(RawServer.Ok("""{ "status": "healthy", "queues": [ { "length": 3 } ], "db": { "up": true } }""", "X-Version: v2.1\r\n"));
        KeyValuePair<string, string>[] Json(params (string, string)[] pairs) => [.. pairs.Select(p => KeyValuePair.Create(p.Item1, p.Item2))];

        Assert.Equal(HealthStatus.Healthy, Ask(server, new("200", Json(("status", "healthy"), ("queues[0].length", "< 10"), ("db.up", "true"), ("queues.length()", "1")), "~ healthy", Json(("X-Version", "~ ^v2\\.")), "> 10")).Status);
        Assert.Equal("queues[0].length is '3', and should be < 3", Ask(server, new(json: Json(("queues[0].length", "< 3")))).Reason);
        Assert.Equal("nothing.here is not there, and should be 'x'", Ask(server, new(json: Json(("nothing.here", "x")))).Reason);
        Assert.Contains("should answer 204", Ask(server, new("204")).Reason, StringComparison.Ordinal);
        Assert.Contains("the header X-Version is 'v2.1'", Ask(server, new(headers: Json(("X-Version", "v3")))).Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Unhealthy, Ask(server, new(body: "~ broken")).Status);
        Assert.Equal(HealthStatus.Unhealthy, Ask(server, new(size: "> 1000")).Status);
    }

    [Fact]
    public void A_method_with_a_body_is_sent_as_it_was_said()
    {
        using var server = new RawServer(async (head, stream, stop) =>
        {
            var body = head.Split("\r\n\r\n", 2)[1];
            var buffer = new byte[256];
            while (body.Length < 16)
            {
                body += System.Text.Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer, stop));
            }

            await RawServer.Write(stream, RawServer.Ok($"{head.Split(' ')[0]} {body}"), stop);
        });
        var question = new HttpQuestion { Uri = server.Uri, Method = "POST", Body = "{\"query\":\"ping\"}", Headers = new Dictionary<string, string> { ["Content-Type"] = "application/json" } };
        var result = Look.At(new HttpProbe(question, new HttpExpectation(body: "POST {\"query\":\"ping\"}")));
        Assert.True(result.Status == HealthStatus.Healthy, result.Reason);
        Assert.Contains("Content-Type: application/json\r\n", server.Requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Redirects_are_followed_a_few_times_and_secrets_do_not_go_along()
    {
        using var other = new RawServer(RawServer.Ok("there"));
        using var server = new RawServer((head, stream, stop) => RawServer.Write(stream, $"HTTP/1.1 302 Found\r\nLocation: {(head.StartsWith("GET /loop", StringComparison.Ordinal) ? "/loop" : other.Uri)}\r\nContent-Length: 0\r\n\r\n", stop));
        var question = new HttpQuestion { Uri = server.Uri, Headers = new Dictionary<string, string> { ["Authorization"] = "Bearer secret" } };
        var result = Look.At(new HttpProbe(question));
        Assert.Equal(HealthStatus.Healthy, result.Status);
        Assert.Contains("secret", server.Requests[0], StringComparison.Ordinal);
        Assert.DoesNotContain("secret", other.Requests[0], StringComparison.Ordinal);
        Assert.Contains("more than 5 times", Look.At(new HttpProbe(question with { Uri = new Uri(server.Uri, "/loop") })).Reason, StringComparison.Ordinal);
        Assert.Equal(302, Look.At(new HttpProbe(question, new HttpExpectation("302"))).Facts["StatusCode"]);
    }

    [Fact]
    public void A_redirect_to_another_scheme_is_not_followed()
    {
        using var server = new RawServer("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
        Assert.Contains("redirects from http to file", Ask(server).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_endless_answer_is_read_only_so_far()
    {
        using var server = new RawServer(async (_, stream, stop) =>
        {
            await RawServer.Write(stream, "HTTP/1.1 200 OK\r\n\r\n", stop);
            var block = new byte[64 * 1024];
            while (true)
            {
                await stream.WriteAsync(block, stop);
            }
        });
        Bounded(() => Assert.Equal(HealthStatus.Healthy, Ask(server).Status));
        Bounded(() => Assert.Contains("larger than 1.00 MiB", Ask(server, new(body: "~ x")).Reason, StringComparison.Ordinal));
    }

    [Fact]
    public void A_small_answer_that_unpacks_into_gigabytes_is_read_only_so_far()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 512; i++)
            {
                gzip.Write(zeros);
            }
        }

        using var server = new RawServer(async (_, stream, stop) =>
        {
            await RawServer.Write(stream, $"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {packed.Length}\r\n\r\n", stop);
            await stream.WriteAsync(packed.ToArray(), stop);
        });
        Bounded(() => Assert.Contains("larger than 1.00 MiB", Ask(server, new(body: "~ x")).Reason, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gzip, gzip")]
    [InlineData("gzip, identity")]
    public void An_answer_that_cannot_be_unpacked_passes_no_expectation(string encoding)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write("error"u8);
        }

        using var server = new RawServer(async (_, stream, stop) =>
        {
            await RawServer.Write(stream, $"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {packed.Length}\r\n\r\n", stop);
            await stream.WriteAsync(packed.ToArray(), stop);
        });
        Assert.Equal(HealthStatus.Unhealthy, Ask(server, new(body: "!= error")).Status);
    }

    [Fact]
    public void An_answer_that_drips_is_ended_by_the_time_out()
    {
        using var server = new RawServer(async (_, stream, stop) =>
        {
            await RawServer.Write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", stop);
            while (true)
            {
                await RawServer.Write(stream, "x", stop);
                await Task.Delay(50, stop);
            }
        });
        var result = Look.At(new HttpProbe(new HttpQuestion { Uri = server.Uri }), TimeSpan.FromMilliseconds(600));
        Assert.Equal("No answer within 600 ms.", result.Reason);
        Assert.InRange(result.Latency.TotalSeconds, 0.5, 10);
    }

    [Fact]
    public void Headers_of_a_megabyte_are_no_answer()
    {
        using var server = new RawServer($"HTTP/1.1 200 OK\r\nX-Long: {new string('x', 1 << 20)}\r\nContent-Length: 0\r\n\r\n");
        Bounded(() => Assert.Equal("its headers are larger than 64 KiB", Ask(server).Reason));
    }

    [Theory]
    [InlineData("not json at all")]
    [InlineData("{ \"status\": ")]
    [InlineData("")]
    public void An_answer_that_should_be_json_and_is_not_is_unhealthy(string body)
    {
        using var server = new RawServer(RawServer.Ok(body));
        Assert.StartsWith("the answer is no JSON", Ask(server, new(json: [KeyValuePair.Create("status", "healthy")])).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_that_is_nested_without_end_is_refused()
    {
        using var server = new RawServer(RawServer.Ok(new string('[', 100_000)));
        Assert.Equal(HealthStatus.Unhealthy, Ask(server, new(json: [KeyValuePair.Create("status", "healthy")])).Status);
    }

    [Fact]
    public void A_pattern_that_backtracks_without_end_costs_a_second()
    {
        using var server = new RawServer(RawServer.Ok(new string('a', 50_000) + "!"));
        var result = Ask(server, new(body: @"~ ^(a+)+\1$"));
        Assert.Contains("too intricate", result.Reason, StringComparison.Ordinal);
        Assert.True(result.Latency < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void What_a_server_says_cannot_drive_a_terminal()
    {
        using var server = new RawServer("HTTP/1.1 500 \u001b[31mred\r\nContent-Length: 0\r\n\r\n");
        Assert.DoesNotContain('\u001b', Ask(server).Reason);
    }

    [Fact]
    public void A_server_behind_a_unix_socket_is_asked_through_it()
    {
        using var folder = new TestFolder();
        using var engine = new UnixHttpServer(folder["s.sock"], _ => (200, "{\"status\":\"healthy\"}"));
        var question = new HttpQuestion { Uri = new Uri("http://localhost/health"), UnixSocket = folder["s.sock"] };
        Assert.Equal(HealthStatus.Healthy, Look.At(new HttpProbe(question, new(json: [KeyValuePair.Create("status", "healthy")]))).Status);
    }

    [Fact]
    public void Nobody_there_is_unhealthy_and_a_bad_address_is_an_error()
    {
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new HttpProbe(new HttpQuestion { Uri = new Uri("http://127.0.0.1:1/") })).Status);
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => new HttpProbe(new HttpQuestion { Uri = new Uri("ftp://host/") })).Code);
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => new HttpExpectation("two hundred")).Code);
    }

    [Fact]
    public void The_target_tells_no_password_and_no_key()
    {
        var target = new HttpProbe(new HttpQuestion { Uri = new Uri("https://user:pass@host/path?key=secret&x=1") }).Target;
        Assert.DoesNotContain("pass", target.Replace("path", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", target, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_is_read_in_the_encoding_that_the_server_names()
    {
        using var server = new RawServer((_, stream, stop) => stream.WriteAsync(System.Text.Encoding.Latin1.GetBytes("HTTP/1.1 999 Odd\r\nContent-Type: application/json; charset=\"iso-8859-1\"\r\nContent-Length: 12\r\n\r\n{\"s\":\"grün\"}"), stop).AsTask());
        Assert.Equal(HealthStatus.Healthy, Ask(server, new("999", [KeyValuePair.Create("s", "grün")], "~ grün")).Status);
        using var unknown = new RawServer("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=no-such\r\nContent-Length: 2\r\n\r\nok");
        Assert.Equal(HealthStatus.Healthy, Ask(unknown, new(body: "ok")).Status);
    }

    private static HealthResult Ask(RawServer server, HttpExpectation? expected = null) => Look.At(new HttpProbe(new HttpQuestion { Uri = server.Uri }, expected));

    /// <summary>Neither held nor, on this thread, allocated in passing.</summary>
    private static void Bounded(Action act)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var held = GC.GetTotalMemory(forceFullCollection: true);
        act();
        Assert.True(GC.GetTotalMemory(forceFullCollection: false) - held < MostMemory);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MostMemory);
    }
}
