using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>Traefik's middleware as YAML, and its gate in a real nginx, asked as Traefik asks.</summary>
public sealed class TraefikTests : ProxyTest
{
    [Fact]
    public void The_middleware_asks_the_gate()
    {
        Make(Options(ProxyKind.Traefik) with { Upstream = "http://maintenance-gate:9503" });
        using var text = new StringReader(File.ReadAllText(Path.Combine(Output, "notes-2-maintenance.yml")));
        var yaml = new YamlStream();
        yaml.Load(text);
        var ask = yaml.Documents.Single().RootNode["http"]["middlewares"]["notes-2-maintenance"]["forwardAuth"];
        Assert.Equal("http://maintenance-gate:9503/", ((YamlScalarNode)ask["address"]).Value);
        Assert.Equal("false", ((YamlScalarNode)ask["trustForwardHeader"]).Value);
        Assert.Contains("listen 9503;", Gate(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:9503", "listen 127.0.0.1:9503;")]
    [InlineData("http://[::1]:81/", "listen [::1]:81;")]
    [InlineData("http://localhost:9503", "listen 127.0.0.1:9503;")]
    [InlineData("http://gate", "listen 80;")]
    public void The_gate_listens_where_it_is_asked(string upstream, string listen)
    {
        Make(Options(ProxyKind.Traefik) with { Upstream = upstream });
        Assert.Contains(listen, Gate(), StringComparison.Ordinal);
    }

    [PeerFact("nginx")]
    public void The_gate_says_whether_it_is_open()
    {
        Make(Options(ProxyKind.Traefik) with { Upstream = $"http://127.0.0.1:{Port}" });
        using var nginx = NginxTests.StartNginx(Folder, Port, $"include \"{Output}/notes-2-maintenance-gate.conf\";");
        using var visitor = new Visitor(Port);
        for (var round = 0; round < 2; round++)
        {
            Assert.Equal((200, "open\n"), (Ask(visitor, "/").Status, Ask(visitor, "/").Body));
            Close();
            AssertClosed(Ask(visitor, "/"));
            AssertClosed(Ask(visitor, "/healthy"));
            AssertClosed(Ask(visitor, "/?/health"));
            AssertClosed(Ask(visitor, "/static/../secret"));
            AssertClosed(Ask(visitor, "/static/%2E./secret"));
            AssertClosed(Ask(visitor, "/", "127.0.0.2, 203.0.113.9"));
            AssertJson(Ask(visitor, "/api", "203.0.113.9", ("Accept", "application/json")));
            Assert.Equal(503, visitor.Get("/").Status);
            Assert.Equal(404, visitor.Get("/notes-2-maintenance.html").Status);

            Assert.Equal(200, Ask(visitor, "/health").Status);
            Assert.Equal(200, Ask(visitor, "/health?deep=1").Status);
            Assert.Equal(200, Ask(visitor, "/static/a..b/c.css?v=1").Status);
            Assert.Equal(200, Ask(visitor, "/", LetIn).Status);
            Assert.Equal(200, Ask(visitor, "/", "::1").Status);
            Open();
        }
    }

    private static Answer Ask(Visitor visitor, string uri, string from = "203.0.113.9", params (string Name, string Value)[] headers) =>
        visitor.Get("/", [("X-Forwarded-Method", "POST"), ("X-Forwarded-Uri", uri), ("X-Forwarded-For", from), .. headers]);

    private string Gate() => File.ReadAllText(Path.Combine(Output, "notes-2-maintenance-gate.conf"));
}
