using System.Globalization;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>
/// nginx: <c>map</c> and <c>geo</c> can stand at the level of <c>http</c> only, what uses them goes into <c>server</c>: two files.
/// </summary>
internal static class NginxConfig
{
    /// <summary>How a path may climb where nobody has tidied it up: such a one is never exempt.</summary>
    private const string Climbing = """    "~*(/|%2f)(\\.|%2e)(\\.|%2e)(/|%2f|\\?|\\z)" 0;""" + "\n";

    public static IEnumerable<ProxyFile> Files(ProxyRequest request)
    {
        var http = request.InOutput("-http.conf");

        // Not .conf: a folder whose *.conf are all included at the level of http must not take this one.
        var server = request.InOutput("-server.inc");
        yield return new(http, $$"""
            # Maintenance mode of {{request.Application}}, first half: who is let in, and which answer fits.
            #
            # Goes into http { }: into conf.d, or with   include "{{http}}";
            # The other half goes into server { }:       include "{{server}}";
            # Try it with: nginx -t   and then: nginx -s reload. Opening and closing need no reload.

            {{Http(request)}}
            """);
        yield return new(server, $$"""
            # Maintenance mode of {{request.Application}}, second half: 503 while the flag exists, from the next request on.
            #
            # Goes into server { }, before its locations and redirects:   include "{{server}}";
            # It needs the first half in http { }:                        include "{{http}}";
            # Try it with: nginx -t   and then: nginx -s reload. Opening and closing need no reload.
            #
            # nginx must be able to look into the folder of the flag and to read the page. Where open_file_cache is on for this server,
            # a change is seen only after open_file_cache_valid.

            {{Server(request)}}
            """);
    }

    /// <summary>What stands at the level of <c>http</c>.</summary>
    /// <param name="request">The values.</param>
    /// <param name="forwarded">Whether another proxy asks, which tells in headers what it was asked and by whom.</param>
    public static string Http(ProxyRequest request, bool forwarded = false)
    {
        var name = request.Variable;
        var exempt = string.Concat(request.Exempt.Select(e => $"    \"~^{Literal(e.Path)}{(e.IsPrefix ? "" : forwarded ? "(\\\\?|\\\\z)" : "\\\\z")}\" 1;\n"));
        var bypass = string.Concat(request.Bypass.Select(b => $"    {b} 1;\n"));
        return $$"""
            # Paths that stay open. nginx works this out once a request, so an error page or an X-Accel-Redirect of such a path stays open too.
            map {{(forwarded ? "$http_x_forwarded_uri" : "$uri")}} ${{name}}_exempt {
                default 0;
            {{(forwarded ? Climbing : "")}}{{exempt}}}

            # Users that are let in.
            geo {{(forwarded ? "$http_x_forwarded_for " : "")}}${{name}}_bypass {
                default 0;
            {{bypass}}}

            # Programs that ask for JSON get it; a browser gets the page.
            map $http_accept ${{name}}_page {
                default /{{request.Name}}.html;
                "~*text/html" /{{request.Name}}.html;
                "~*application/([a-z0-9.-]+\\+)?json" /{{request.Name}}.json;
            }

            """;
    }

    /// <summary>What stands in <c>server</c>.</summary>
    public static string Server(ProxyRequest request)
    {
        var (name, variable) = (request.Name, request.Variable);
        return $$"""
            set ${{variable}} 0;
            if (-f "{{request.FlagPath}}") {
                set ${{variable}} 1;
            }
            if (${{variable}}_exempt) {
                set ${{variable}} 0;
            }
            if (${{variable}}_bypass) {
                set ${{variable}} 0;
            }
            # The answers themselves come by here a second time; from outside they cannot be had.
            if ($uri ~ "^/{{name}}(\\.html|\\.json)?\\z") {
                set ${{variable}} 0;
            }
            # Not a 503 with an error_page of the server: that would replace the error pages that it has from http.
            if (${{variable}}) {
                rewrite ^ /{{name}} last;
            }
            location = /{{name}} {
                internal;
                client_max_body_size 0;
                # To an address and not to a named location: so a POST becomes a GET, and files have no answer to a POST.
                error_page 503 ${{variable}}_page;
                return 503;
            }
            location = /{{name}}.html {
                internal;
                # An upload too is told 503 and not that it is too large.
                client_max_body_size 0;
                alias "{{request.PagePath}}";
                types { }
                default_type "text/html; charset=utf-8";
                add_header Retry-After {{Seconds(request)}} always;
                add_header Cache-Control no-store always;
            }
            location = /{{name}}.json {
                internal;
                # An upload too is told 503 and not that it is too large.
                client_max_body_size 0;
                alias "{{request.JsonPath}}";
                types { }
                default_type application/json;
                add_header Retry-After {{Seconds(request)}} always;
                add_header Cache-Control no-store always;
            }

            """;
    }

    /// <summary>A path as a regular expression in double quotes, which take one backslash of two: a map compares plain words without regard to case.</summary>
    private static string Literal(string path) => Regex.Escape(path).Replace("\\", "\\\\", StringComparison.Ordinal);

    private static string Seconds(ProxyRequest request) => request.Seconds.ToString(CultureInfo.InvariantCulture);
}
