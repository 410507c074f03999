namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>Caddy looks at files with a matcher. It sorts what stands in a site, so the site's own lines go into a <c>handle</c> that comes second.</summary>
internal static class CaddyConfig
{
    public static IEnumerable<ProxyFile> Files(ProxyRequest request)
    {
        var (path, name) = (request.InOutput(".caddy"), request.Variable);
        var exempt = request.Exempt.Count == 0 ? "" : $"\tnot path {string.Join(' ', request.Exempt.Select(e => e.IsPrefix ? e.Path + "*" : e.Path))}\n";
        var bypass = request.Bypass.Count == 0 ? "" : $"\tnot remote_ip {string.Join(' ', request.Bypass)}\n";
        var (flagFolder, flag) = Split(request.FlagPath);
        var (pageFolder, page) = Split(request.PagePath);
        yield return new(path, $$"""
            # Maintenance mode of {{request.Application}}: 503 while the flag exists, from the next request on.
            #
            # Goes into the site, and the site's own lines into a handle beside it, or those that Caddy sorts before it would still answer:
            #   example.org {
            #       import "{{path}}"
            #       handle {
            #           reverse_proxy 127.0.0.1:8080
            #       }
            #   }
            # Try it with: caddy adapt --config Caddyfile   and then: caddy reload. Opening and closing need no reload.
            #
            # Caddy must be able to look into the folder of the flag and to read the page. It compares paths without regard to case.

            @{{name}} {
            	file {
            		root "{{flagFolder}}"
            		try_files "/{{flag}}"
            	}
            {{exempt}}{{bypass}}}
            handle @{{name}} {
            	header Retry-After {{request.Seconds}}
            	header Cache-Control no-store
            	# They are about what the application has sent before, and the page is something else.
            	request_header -If-Modified-Since
            	request_header -If-None-Match
            	request_header -If-Range
            	request_header -Range
            	# Files have no answer to a POST.
            	@{{name}}_sends not method GET HEAD
            	method @{{name}}_sends GET
            	@{{name}}_json {
            		header_regexp Accept (?i)application/([a-z0-9.-]+\+)?json
            		not header_regexp Accept (?i)text/html
            	}
            	root * "{{pageFolder}}"
            	rewrite @{{name}}_json "/{{Path.ChangeExtension(page, ".json")}}"
            	rewrite * "/{{page}}"
            	file_server {
            		status 503
            	}
            }

            """);
    }

    private static (string Folder, string File) Split(string path)
    {
        var at = path.LastIndexOf('/');
        return (path[..(at + 1)], path[(at + 1)..]);
    }
}
