namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>
/// HAProxy has no test of a file. Lua, which its packages are built with, opens the flag at each request: unlike a health check it
/// sees a change at once and starts no programs, and unlike a map that a hook changes it cannot miss a lease that ends by itself.
/// </summary>
internal static class HAProxyConfig
{
    public static IEnumerable<ProxyFile> Files(ProxyRequest request)
    {
        var (name, backend, lua, frontend) = (request.Variable, request.InOutput(".cfg"), request.InOutput(".lua"), request.InOutput("-frontend.inc"));
        yield return new(lua, $$"""
            -- Maintenance mode of {{request.Name}}: tells HAProxy whether the flag exists. Loaded by {{backend}}.
            --
            -- With a chroot (Debian's own configuration has one) HAProxy sees paths inside of it only: it then looks for the flag below
            -- the chroot's folder, and the log tells that the folder of the flag cannot be seen.

            local flag = "{{request.FlagPath}}"
            local folder = "{{Folder(request.FlagPath)}}"
            local none = 2
            local told = false

            local function tell(text)
                if not told then
                    told = true
                    core.log(core.alert, "{{request.Name}}: " .. text)
                end
            end

            core.register_fetches("{{name}}", function()
                local file, problem, code = io.open(flag, "r")
                if file then
                    file:close()
                    return true
                end
                if code ~= none then
                    -- Closed by mistake is seen the day this is set up; open by mistake in the middle of an upgrade.
                    tell(problem)
                    return true
                end
                if not told then
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
            # Maintenance mode of {{request.Name}}, first half: how the flag is looked at, and the answers.
            #
            # A file of its own for HAProxy, before the one with your frontend:   -f "{{backend}}" -f haproxy.cfg
            # (Debian: EXTRAOPTS in /etc/default/haproxy; of a folder HAProxy reads the files by the order of their names.)
            # The other half are a few lines for your frontend, in {{frontend}}
            # Try it with: haproxy -c -f "{{backend}}" -f haproxy.cfg   and then restart. Opening and closing need no reload;
            # a new page does, because HAProxy reads it at its start, and it must be smaller than tune.bufsize (16 KiB).

            global
                lua-load-per-thread "{{lua}}"

            backend {{name}}
                mode http
                timeout connect 5s
                timeout server 5s
                acl {{name}}_html req.fhdr(accept) -m sub -i text/html
                acl {{name}}_json req.fhdr(accept) -m sub -i application/json +json
                http-request return status 503 content-type "application/json" file "{{request.JsonPath}}" hdr Retry-After {{request.Seconds}} hdr Cache-Control no-store if {{name}}_json !{{name}}_html
                http-request return status 503 content-type "text/html; charset=utf-8" file "{{request.PagePath}}" hdr Retry-After {{request.Seconds}} hdr Cache-Control no-store

            """);
        yield return new(frontend, Frontend(request, backend));
    }

    private static string Frontend(ProxyRequest request, string backend)
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
                # Maintenance mode of {{request.Name}}, second half: lines for your frontend, before its other use_backend lines.
                # HAProxy cannot include a file in the middle of another one, so copy them. They need {{backend}}
                # and the frontend needs: mode http. Try it with: haproxy -c
                acl {{name}}_closed lua.{{name}} -m bool
            {{exempt}}{{climbing}}{{bypass}}{{closed}}{{(exempt.Length > 0 ? $" !{name}_exempt\n{closed} {name}_climbs" : "")}}

            """;
    }

    private static string Folder(string path) => path[..(path.LastIndexOf('/') + 1)];
}
