using System.Text;
using System.Text.Json;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Health.Probes.Redis;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>User and password of an address go to its own host as basic authentication, and are shown nowhere.</summary>
public sealed class HttpCredentialTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("mon:geheim", "mon:geheim")]
    [InlineData("mon", "mon:")]
    [InlineData("mon:", "mon:")]
    [InlineData(":geheim", ":geheim")]
    [InlineData("m%40n:ge%3Ahe%2Fim%20%25", "m@n:ge:he/im %")]
    [InlineData("j%C3%BCrgen:pa%C3%9F", "jürgen:paß")]
    [InlineData("mon:a:b:c", "mon:a:b:c")]
    public void They_are_sent_decoded(string given, string sent)
    {
        using var server = new RawServer(RawServer.Ok("{}"));
        var result = Look.At(Probe(server.Uri, given), history: folder["history"]);

        Assert.True(result.Status == HealthStatus.Healthy, result.Reason);
        Assert.Contains($"Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(sent))}\r\n", server.Requests[0], StringComparison.Ordinal);
        Assert.DoesNotContain("@", server.Requests[0], StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", JsonSerializer.Serialize(result), StringComparison.Ordinal);
        Assert.All(Directory.GetFiles(folder["history"], "*", SearchOption.AllDirectories), f => Assert.DoesNotContain("geheim", f + File.ReadAllText(f), StringComparison.Ordinal));
    }

    [Fact]
    public void A_header_that_was_given_goes_before()
    {
        using var server = new RawServer(RawServer.Ok("{}"));
        var address = new UriBuilder(server.Uri) { UserName = "mon", Password = "geheim" }.Uri;
        Look.At(new HttpProbe(new HttpQuestion { Uri = address, Headers = new Dictionary<string, string> { ["authorization"] = "Bearer t" } }));
        Assert.Contains("authorization: Bearer t", server.Requests[0], StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Basic", server.Requests[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Another_host_never_gets_them_and_no_redirect_shows_them()
    {
        using var other = new RawServer(RawServer.Ok("there"));
        using var server = new RawServer((head, stream, stop) => RawServer.Write(
            stream,
            head.StartsWith("GET /here", StringComparison.Ordinal) ? RawServer.Ok("here") : $"HTTP/1.1 302 Found\r\nLocation: {(head.StartsWith("GET /stay", StringComparison.Ordinal) ? "/here" : $"http://x:fremd@127.0.0.1:{other.Uri.Port}/")}\r\nContent-Length: 0\r\n\r\n",
            stop));
        var result = Look.At(Probe(server.Uri, "mon:geheim"));
        Assert.Equal(HealthStatus.Healthy, result.Status);
        Assert.DoesNotContain("Authorization", other.Requests[0], StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("fremd", JsonSerializer.Serialize(result), StringComparison.Ordinal);

        Look.At(Probe(new Uri(server.Uri, "/stay"), "mon:geheim"));
        Assert.Contains("Authorization: Basic", server.Requests[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://mon:ge/heim@host:80/")]
    [InlineData("http://mon:geheim@host:99999/")]
    [InlineData("http://mon:geheim@/")]
    [InlineData("http//mon:geheim@host")]
    [InlineData("ftp://mon:geheim@host/")]
    [InlineData("mon:geheim@host")]
    public void An_address_that_cannot_be_used_is_not_repeated(string address)
    {
        var error = Assert.Throws<MaintenanceException>(() => new HttpProbe(new HttpQuestion { Uri = WebAddress.Parse(address) }));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.DoesNotContain("heim", error.Message + error.Target, StringComparison.Ordinal);
        Assert.DoesNotContain("heim", Assert.Throws<MaintenanceException>(() => new TcpProbe(address)).Message, StringComparison.Ordinal);
        Assert.DoesNotContain("heim", Assert.Throws<MaintenanceException>(() => new RedisProbe(address)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_user_with_a_colon_is_refused_in_words()
    {
        var error = Assert.Throws<MaintenanceException>(() => new HttpProbe(new HttpQuestion { Uri = new Uri("http://a%3Ab:geheim@host/") }));
        Assert.Contains("Authorization", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", error.Message, StringComparison.Ordinal);
    }

    private static HttpProbe Probe(Uri server, string user) => new(new HttpQuestion { Uri = new Uri($"http://{user}@127.0.0.1:{server.Port}{server.AbsolutePath}") });
}
