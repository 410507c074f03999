using MaintenanceOps.Engine.Modes;
using MaintenanceOps.Engine.Modes.Hooks;
using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>The two snippets in a real nginx.</summary>
public sealed class NginxTests : ProxyTest
{
    /// <summary>An application's own server, with error pages of its own at two levels.</summary>
    private const string Site = """
        include "OUTPUT/notes-2-maintenance-server.inc";
        client_max_body_size 1k;
        location / {
            proxy_pass http://127.0.0.1:UPSTREAM;
        }
        location = /broken {
            proxy_pass http://127.0.0.1:UPSTREAM;
            proxy_intercept_errors on;
            error_page 502 /sorry;
        }
        location = /sorry {
            internal;
            return 200 "sorry, says the application";
        }
        location = /busy {
            return 503;
        }
        """;

    [PeerFact("nginx")]
    public void It_closes_and_opens()
    {
        Make(Options(ProxyKind.Nginx));
        using var nginx = Start(Site);
        Check();
    }

    [PeerFact("nginx")]
    public void The_answers_themselves_cannot_be_had_from_outside()
    {
        Make(Options(ProxyKind.Nginx));
        using var nginx = Start(Site);
        using var visitor = new Visitor(Port);
        string[] own = ["/notes-2-maintenance.html", "/notes-2-maintenance.json", "/notes-2-maintenance"];
        Assert.All(own, path => Assert.Equal(404, visitor.Get(path).Status));
        Close();
        Assert.All(own, path => Assert.Equal(404, visitor.Get(path).Status));
        AssertClosed(visitor.Get("/notes-2-maintenance.htm"));
        AssertClosed(visitor.Get("/HEALTH"));
        AssertClosed(visitor.Get("/health%0a"));
    }

    [PeerFact("nginx")]
    public void Error_pages_of_the_application_stay_as_they_are()
    {
        Make(Options(ProxyKind.Nginx));
        using var nginx = Start(Site, http: "error_page 503 404 /from-http;");
        using var visitor = new Visitor(Port);
        for (var closed = 0; closed < 2; closed++)
        {
            // An exempt path whose error page is another address: that address is not exempt by itself.
            var broken = visitor.Get("/broken");
            Assert.Equal((502, "sorry, says the application"), (broken.Status, broken.Body));
            Close();
        }

        Open();
        var busy = visitor.Get("/busy");
        Assert.Equal((503, "the application at /from-http", ""), (busy.Status, busy.Body, busy.Header("Retry-After")));
    }

    [PeerFact("nginx")]
    public void A_large_upload_is_told_when_to_come_back_and_not_that_it_is_too_large()
    {
        Make(Options(ProxyKind.Nginx));
        using var nginx = Start(Site);
        using var visitor = new Visitor(Port);
        var upload = new string('x', 5000);
        Assert.Equal(413, visitor.Post("/save", upload).Status);
        Close();
        AssertClosed(visitor.Post("/save", upload));
    }

    [PeerFact("nginx")]
    public void Two_applications_live_in_one_nginx()
    {
        Make(Options(ProxyKind.Nginx));
        Make(Options(ProxyKind.Nginx) with { Name = "wiki", FlagPath = Folder["wiki.flag"], PagePath = null, Title = "The <wiki> is closed", ExemptPath = [], BypassAddress = [] });
        var second = RunningProxy.FreePort();
        using var nginx = Start(Site, $$"""
            include "{{Output}}/wiki-maintenance-http.conf";
            server {
                listen 127.0.0.1:{{second}};
                include "{{Output}}/wiki-maintenance-server.inc";
                location / {
                    proxy_pass http://127.0.0.1:{{Application.Port}};
                }
            }
            """);
        using var notes = new Visitor(Port);
        using var wiki = new Visitor(second);
        Close();
        AssertClosed(notes.Get("/"));
        AssertOpen(wiki.Get("/"), "/");
        File.WriteAllText(Folder["wiki.flag"], "");
        Open();
        AssertOpen(notes.Get("/"), "/");
        Assert.Contains("The &lt;wiki&gt; is closed", wiki.Get("/health").Body, StringComparison.Ordinal);
    }

    /// <summary>By nginx's own count; whoever asks for it is one of them.</summary>
    [PeerFact("nginx")]
    public async Task Whoever_is_inside_may_finish()
    {
        Make(Options(ProxyKind.Nginx));
        var finish = new TaskCompletionSource();
        using var application = new RawServer(async (_, stream, stop) =>
        {
            await finish.Task;
            await RawServer.Write(stream, RawServer.Ok("saved"), stop);
        });
        var status = RunningProxy.FreePort();
        using var nginx = Start(
            Site + $$"""location = /slow { proxy_pass http://127.0.0.1:{{application.Port}}; }""",
            $$"""server { listen 127.0.0.1:{{status}}; location / { stub_status; } }""");
        using var visitor = new HttpClient();
        visitor.DefaultRequestHeaders.ConnectionClose = true;
        var inside = visitor.GetStringAsync(new Uri($"http://127.0.0.1:{Port}/slow"));
        Assert.True(SpinWait.SpinUntil(() => application.Requests.Count == 1, TimeSpan.FromSeconds(10)));

        var drain = Drain.ByAddress(new Uri($"http://127.0.0.1:{status}/"), @"Active connections: (\d+)", 2, TimeSpan.FromSeconds(30));
        var window = new MaintenanceWindow(new MaintenanceSwitch(Flag, SilentSink.Instance), new MaintenanceHooks { Drain = drain }, SilentSink.Instance);
        var entering = Task.Run(() => window.Enter(TimeSpan.FromMinutes(5)));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Flag), TimeSpan.FromSeconds(10)));
        using (var late = new Visitor(Port))
        {
            Assert.Equal(503, late.Get("/slow").Status);
        }

        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.False(entering.IsCompleted);
        finish.SetResult();
        Assert.Equal("saved", await inside);
        Assert.True((await entering).Mode.Enabled);
    }

    private RunningProxy Start(string site, string http = "") => StartNginx(Folder, Port, $$"""
        include "{{Output}}/notes-2-maintenance-http.conf";
        {{http}}
        server {
            listen 127.0.0.1:{{Port}};
            {{site.Replace("OUTPUT", Output, StringComparison.Ordinal).Replace("UPSTREAM", $"{Application.Port}", StringComparison.Ordinal)}}
        }
        """);

    /// <summary>One process, so that it runs as whoever runs the tests, with all that it writes in a folder of the test.</summary>
    internal static RunningProxy StartNginx(TestFolder folder, int port, string http)
    {
        File.WriteAllText(folder["nginx.conf"], $$"""
            daemon off;
            master_process off;
            pid nginx.pid;
            error_log stderr;
            events { }
            http {
                access_log off;
                client_body_temp_path body;
                proxy_temp_path proxy;
                fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi;
                scgi_temp_path scgi;
                {{http}}
            }
            """);
        return RunningProxy.Start("nginx", folder.Path, port, "-p", folder.Path, "-c", folder["nginx.conf"], "-e", "stderr");
    }
}
