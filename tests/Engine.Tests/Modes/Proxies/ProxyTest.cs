using System.Text.Json;
using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>An application behind a real web server, and what holds for each kind of them.</summary>
public abstract class ProxyTest : IDisposable
{
    /// <summary>Loopback has a whole network of addresses on Linux: this one is let in, 127.0.0.1 is not.</summary>
    private protected const string LetIn = "127.0.0.2";

    private protected TestFolder Folder { get; } = new();

    private protected SmallApplication Application { get; } = new();

    private protected int Port { get; } = RunningProxy.FreePort();

    /// <summary>All that a path may have, so that each of the languages shows that it reads it as it is.</summary>
    private const string Odd = " (1)._-~@+,:=\u00e9";

    private protected string Flag => Path.Combine(Output, "the flag" + Odd);

    /// <summary>All that an exempt path may have.</summary>
    private const string OddPath = "/a._~@+,:=-Z9";

    private protected string Output => Folder["notes of mine"];

    private protected ProxyConfigOptions Options(ProxyKind kind) => new()
    {
        Kind = kind,
        FlagPath = Flag,
        OutputPath = Output,
        PagePath = Path.Combine(Output, $"a page{Odd}.html"),
        ExemptPath = ["/health", "/static/*", "/broken", OddPath, "/odd" + OddPath + "*"],
        BypassAddress = ["10.0.0.0/8", LetIn, "::1"],
        RetryAfter = TimeSpan.FromMinutes(10),
        Name = "notes-2",
    };

    private protected static void Make(ProxyConfigOptions options)
    {
        foreach (var file in ProxyConfig.Plan(options))
        {
            ProxyConfig.Write(file);
        }
    }

    private protected void Close() => File.WriteAllText(Flag, "");

    private protected void Open() => File.Delete(Flag);

    /// <summary>Users are let in while there is no flag, told to come back while there is one, and nothing is reloaded in between.</summary>
    private protected void Check()
    {
        using var visitor = new Visitor(Port);
        using var friend = new Visitor(Port, LetIn);
        for (var round = 0; round < 2; round++)
        {
            AssertOpen(visitor.Get("/"), "/");
            AssertOpen(visitor.Post("/save"), "/save");
            Close();
            AssertClosed(visitor.Get("/"));
            AssertClosed(visitor.Get("/healthy?x=/health"));
            AssertClosed(visitor.Get("/static"));
            AssertClosed(visitor.Get("/", ("Accept", "text/html,application/xhtml+xml,application/json;q=0.5")));
            AssertClosed(visitor.Post("/save"));
            AssertClosed(visitor.Send(HttpMethod.Delete, "/notes/1"));
            AssertClosed(visitor.Get("/", ("If-Modified-Since", "Tue, 01 Jan 2069 00:00:00 GMT"), ("Range", "bytes=0-3")));
            AssertJson(visitor.Get("/api", ("Accept", "application/json")));
            AssertJson(visitor.Send(HttpMethod.Post, "/api", "{}", ("Accept", "application/problem+json, */*")));
            var head = visitor.Send(HttpMethod.Head, "/");
            Assert.Equal((503, "", "600"), (head.Status, head.Body, head.Header("Retry-After")));
            Assert.Equal(503, visitor.Get("/socket", ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")).Status);
            Assert.Contains(" 503 ", visitor.Raw("GET /static/../secret HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n"), StringComparison.Ordinal);
            Assert.Contains(" 503 ", visitor.Raw("GET /static/%2e%2e/secret HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n"), StringComparison.Ordinal);

            AssertOpen(visitor.Get("/health"), "/health");
            AssertOpen(visitor.Get("/health?deep=1"), "/health?deep=1");
            AssertOpen(visitor.Send(HttpMethod.Post, "/static/a/b.css", "x"), "/static/a/b.css");
            AssertOpen(visitor.Get(OddPath), OddPath);
            AssertOpen(visitor.Get($"/odd{OddPath}/b"), $"/odd{OddPath}/b");
            AssertClosed(visitor.Get(OddPath.Replace('.', 'x')));
            AssertOpen(friend.Get("/"), "/");
            AssertOpen(friend.Post("/save"), "/save");
            Open();
        }

        AssertOpen(visitor.Get("/"), "/");
    }

    private protected static void AssertOpen(Answer answer, string path) => Assert.Equal((200, $"the application at {path}"), (answer.Status, answer.Body));

    private protected static void AssertClosed(Answer answer)
    {
        Assert.Equal((503, "600", "no-store"), (answer.Status, answer.Header("Retry-After"), answer.Header("Cache-Control")));
        Assert.StartsWith("text/html", answer.ContentType, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("utf-8", answer.ContentType, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("come back in about 10 minutes", answer.Body, StringComparison.Ordinal);
        Assert.EndsWith("</html>", answer.Body.TrimEnd(), StringComparison.Ordinal);
    }

    private protected static void AssertJson(Answer answer)
    {
        Assert.Equal((503, "600", "no-store"), (answer.Status, answer.Header("Retry-After"), answer.Header("Cache-Control")));
        Assert.StartsWith("application/json", answer.ContentType, StringComparison.Ordinal);
        using var body = JsonDocument.Parse(answer.Body);
        Assert.Equal("maintenance", body.RootElement.GetProperty("status").GetString());
        Assert.Equal(600, body.RootElement.GetProperty("retryAfterSeconds").GetInt32());
    }

    public virtual void Dispose()
    {
        Application.Dispose();
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }
}
