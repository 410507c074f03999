using System.Net;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>
/// Traefik cannot look at files, so a middleware asks a small nginx, the gate, before each request. What the gate answers with
/// another status than 2xx is the answer that the user gets.
/// </summary>
internal static class TraefikConfig
{
    public static IEnumerable<ProxyFile> Files(ProxyRequest request)
    {
        var gate = request.InOutput("-gate.conf");
        yield return new(gate, $$"""
            # The gate of {{request.Application}}: an nginx that tells Traefik whether the application is open (200) or closed (503, with the page).
            #
            # Goes into conf.d of an nginx that only Traefik can reach; it sees the flag, the page and the JSON beside it at the same paths.
            # Try it with: nginx -t   and then: curl -i {{Address(request)}}/
            # Traefik answers 500 while it cannot reach the gate: watch it as you watch Traefik.

            {{NginxConfig.Http(request, forwarded: true)}}
            server {
                listen {{Listen(request)}};
                server_name _;
                access_log off;

            {{Indent(NginxConfig.Server(request))}}
                location / {
                    default_type text/plain;
                    return 200 "open\n";
                }
            }

            """);
        yield return new(request.InOutput(".yml"), $$"""
            # Maintenance mode of {{request.Application}} for Traefik: a middleware that asks the gate before each request.
            #
            # Goes into the folder of Traefik's file provider (providers.file.directory). Then name it at the router, first of its middlewares:
            #   labels:  traefik.http.routers.ROUTER.middlewares={{request.Name}}@file
            #   a file:  middlewares: [ {{request.Name}}@file ]
            # Try it with: curl -i http://YOUR-HOST/   while the flag exists. Traefik shows in its log and dashboard what it could not read.
            # The gate is in {{gate}}.
            http:
              middlewares:
                {{request.Name}}:
                  forwardAuth:
                    address: "{{Address(request)}}/"
                    # What users claim to be asked or to come from is not believed.
                    trustForwardHeader: false

            """);
    }

    private static string Address(ProxyRequest request) => $"http://{request.Gate.Host}:{request.Gate.Port}";

    /// <summary>A name belongs to another container or host, so the gate has to listen beyond its own loopback.</summary>
    private static string Listen(ProxyRequest request) => request.Gate.HostNameType switch
    {
        UriHostNameType.IPv4 or UriHostNameType.IPv6 => $"{request.Gate.Host}:{request.Gate.Port}",
        _ when request.Gate.IsLoopback => $"{IPAddress.Loopback}:{request.Gate.Port}",
        _ => $"{request.Gate.Port}",
    };

    private static string Indent(string text) => string.Join('\n', text.Split('\n').Select(l => l.Length > 0 ? "    " + l : l));
}
