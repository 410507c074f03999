using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>The files in a real HAProxy.</summary>
public sealed class HAProxyTests : ProxyTest
{
    [PeerFact("haproxy")]
    public void It_closes_and_opens()
    {
        Make(Options(ProxyKind.HAProxy));
        using var haproxy = Start();
        Check();
    }

    [PeerFact("haproxy")]
    public void Without_exceptions_all_is_closed()
    {
        Make(Options(ProxyKind.HAProxy) with { ExemptPath = [], BypassAddress = [] });
        using var haproxy = Start();
        using var friend = new Visitor(Port, LetIn);
        AssertOpen(friend.Get("/health"), "/health");
        Close();
        AssertClosed(friend.Get("/health"));
    }

    [PeerFact("haproxy")]
    public void A_flag_whose_folder_it_cannot_see_is_told_of()
    {
        Make(Options(ProxyKind.HAProxy) with { FlagPath = Folder["none/flag"] });
        using var haproxy = Start();
        using var visitor = new Visitor(Port);
        AssertOpen(visitor.Get("/"), "/");
        Assert.Contains("cannot see the folder of the flag", haproxy.Said, StringComparison.Ordinal);
    }

    private RunningProxy Start()
    {
        var backend = Path.Combine(Output, "notes-2-maintenance.cfg");
        var lines = File.ReadAllText(Path.Combine(Output, "notes-2-maintenance-lines.inc")).Split("# 2.");
        File.WriteAllText(Folder["haproxy.cfg"], $$"""
            global
            {{lines[0]}}
                log stderr format raw local0
            defaults
                mode http
                log global
                timeout connect 5s
                timeout client 20s
                timeout server 20s
            frontend web
                bind 127.0.0.1:{{Port}}
            # 2.{{lines[1]}}
                default_backend application
            backend application
                server one 127.0.0.1:{{Application.Port}}

            """);
        return RunningProxy.Start("haproxy", Folder.Path, Port, "-db", "-f", Folder["haproxy.cfg"], "-f", backend);
    }
}
