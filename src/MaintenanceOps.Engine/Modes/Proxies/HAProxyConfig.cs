namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>
/// HAProxy has no test of a file. Lua, which its packages are built with, opens the flag at each request: unlike a health check it
/// sees a change at once and starts no programs, and unlike a map that a hook changes it cannot miss a lease that ends by itself.
/// </summary>
internal static class HAProxyConfig
{
    public static IEnumerable<ProxyFile> Files(ProxyRequest request)
    {
        var (name, backend, lua, lines) = (request.Variable, request.InOutput(".cfg"), request.InOutput(".lua"), request.InOutput("-lines.inc"));
        yield return new(lua, $$"""
            -- Maintenance mode of {{request.Application}}: tells HAProxy whether the flag exists. Loaded by a line of {{lines}}
            --
            -- With a chroot (Debian's own configuration has one) HAProxy sees paths inside of it only: it then looks for the flag below
            -- the chroot's folder, and the log tells that the folder of the flag cannot be seen.

            local flag = "{{request.FlagPath}}"
            local folder = "{{Folder(request.FlagPath)}}"
            local none = 2
            local looked = false
            local refused = false

            local function tell(text)
                core.log(core.alert, "{{request.Name}}: " .. text)
            end

            core.register_fetches("{{name}}", function()
                local file, problem, code = io.open(flag, "r")
                if file then
                    file:close()
                    return true
                end
                if code ~= none then
                    -- Closed by mistake is seen the day this is set up; open by mistake in the middle of an upgrade.
                    if not refused then
                        refused = true
                        tell(problem)
                    end
                    return true
                end
                if not looked then
                    looked = true
                    local seen = io.open(folder, "r")
                    if seen then
                        seen:close()
                    else
                        tell("cannot see the folder of the flag, " .. folder .. ". Does HAProxy run in a chroot?")
                    end
                end
                return false
            end)

            """);
        yield return new(backend, $$"""
            # Maintenance mode of {{request.Application}}: the answers, as a backend of its own.
            #
            # Beside your own file:   -f haproxy.cfg -f "{{backend}}"   (Debian: EXTRAOPTS in /etc/default/haproxy), or copied into it.
            # Some lines go into your global and frontend; they are in {{lines}}
            # Try it with: haproxy -c -f haproxy.cfg -f "{{backend}}"   and then reload. Opening and closing need no reload;
            # a new page does, because HAProxy reads it at its start, and it must be smaller than tune.bufsize (16 KiB).

            backend {{name}}
                mode http
                timeout connect 5s
                timeout server 5s
                acl {{name}}_html req.fhdr(accept) -m sub -i text/html
                acl {{name}}_json req.fhdr(accept) -m sub -i application/json +json
                http-request return status 503 content-type "application/json" file "{{request.JsonPath}}" hdr Retry-After {{request.Seconds}} hdr Cache-Control no-store if {{name}}_json !{{name}}_html
                http-request return status 503 content-type "text/html; charset=utf-8" file "{{request.PagePath}}" hdr Retry-After {{request.Seconds}} hdr Cache-Control no-store

            """);
        yield return new(lines, Lines(request, lua, backend));
    }

    private static string Lines(ProxyRequest request, string lua, string backend)
    {
        var name = request.Variable;
        var exempt = string.Concat(request.Exempt.Select(e => $"    acl {name}_exempt path -m {(e.IsPrefix ? "beg" : "str")} {e.Path}\n"));
        var bypass = string.Concat(request.Bypass.Select(b => $"    acl {name}_bypass src {b}\n"));
        var closed = $"    use_backend {name} if {name}_closed{(bypass.Length > 0 ? $" !{name}_bypass" : "")}";
        var climbing = exempt.Length == 0 ? "" : $"""
                # HAProxy takes a path as it comes: one that climbs is not exempt.
                acl {name}_climbs path,url_dec -m sub /../
                acl {name}_climbs path,url_dec -m end /..

            """;
        return $$"""
            # Maintenance mode of {{request.Application}}: lines for your haproxy.cfg. HAProxy cannot include a file in the middle of
            # another one, so copy them. They need the backend in {{backend}}
            # Try it with: haproxy -c -f haproxy.cfg -f "{{backend}}"

            # 1. Into global:
                lua-load-per-thread "{{lua}}"

            # 2. Into the frontend (mode http), before its other use_backend lines:
                acl {{name}}_closed lua.{{name}} -m bool
            {{exempt}}{{climbing}}{{bypass}}{{closed}}{{(exempt.Length > 0 ? $" !{name}_exempt\n{closed} {name}_climbs" : "")}}

            """;
    }

    private static string Folder(string path) => path[..(path.LastIndexOf('/') + 1)];
}
