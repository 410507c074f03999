using MaintenanceOps.Engine.Tests.Support;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>The snippet in a real Caddy.</summary>
public sealed class CaddyTests : ProxyTest
{
    [PeerFact("caddy")]
    public void It_closes_and_opens()
    {
        Make(Options(ProxyKind.Caddy));
        File.WriteAllText(Folder["Caddyfile"], $$"""
            {
                admin off
                auto_https off
            }
            http://127.0.0.1:{{Port}} {
                bind 127.0.0.1
                import "{{Output}}/notes-2-maintenance.caddy"
                handle {
                    redir /old /new
                    handle /save {
                        reverse_proxy 127.0.0.1:{{Application.Port}}
                    }
                    reverse_proxy 127.0.0.1:{{Application.Port}}
                }
            }
            """);
        using var caddy = RunningProxy.Start("caddy", Folder.Path, Port, "run", "--config", Folder["Caddyfile"], "--adapter", "caddyfile");
        Check();
    }
}
