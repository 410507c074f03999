using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>Makes the files by which a web server heeds the flag of maintenance mode.</summary>
public static class ProxyConfig
{
    /// <summary>Web servers run as users of their own, and read all of it.</summary>
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>The files to write. A page that is there already is the user's own: it is not among them unless it is to be replaced.</summary>
    /// <param name="options">What to tell the web server.</param>
    /// <param name="replace">Replaces what is there.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.InvalidArgument"/>: a value cannot stand in a configuration. <see cref="ErrorCode.DestinationInUse"/>: a file exists.
    /// </exception>
    public static IReadOnlyList<ProxyFile> Plan(ProxyConfigOptions options, bool replace = false)
    {
        ArgumentNullException.ThrowIfNull(options);
        var request = new ProxyRequest(options);
        ProxyFile[] all =
        [
            // What the configuration speaks of comes before it: a web server may see it at once.
            new(request.PagePath, MaintenancePage.Html(options.Title, options.Message, request.Seconds), Yours: true),
            new(request.JsonPath, MaintenancePage.Json(request.Seconds), Yours: true),
            .. options.Kind switch
            {
                ProxyKind.Nginx => NginxConfig.Files(request),
                ProxyKind.Traefik => TraefikConfig.Files(request),
                ProxyKind.Caddy => CaddyConfig.Files(request),
                ProxyKind.HAProxy => HAProxyConfig.Files(request),
                _ => throw new MaintenanceException(ErrorCode.InvalidArgument, $"There is no configuration for '{options.Kind}'.", options.Kind.ToString()),
            },
        ];
        // Also where the sources of this program were checked out with other line ends.
        ProxyFile[] files = [.. all.Where(f => replace || !f.Yours || !File.Exists(f.Path)).Select(f => f with { Content = f.Content.ReplaceLineEndings("\n") })];
        if (Array.Find(files, f => Directory.Exists(f.Path) || (!replace && File.Exists(f.Path))) is { } taken)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{taken.Path}' exists. Give -Force to replace what is there.", taken.Path);
        }

        return files;
    }

    /// <summary>Writes a file in one step: whoever reads it meanwhile sees the old or the new one.</summary>
    /// <param name="file">What to write.</param>
    /// <param name="replace">Replaces what is there.</param>
    /// <exception cref="MaintenanceException">It cannot be written, or something came there since it was planned.</exception>
    public static void Write(ProxyFile file, bool replace = false)
    {
        ArgumentNullException.ThrowIfNull(file);
        var files = DurableFiles.Default;
        var folder = Path.GetDirectoryName(file.Path)!;
        var temporary = file.Path + ".tmp";
        try
        {
            Directory.CreateDirectory(folder);
            files.Delete(temporary);
            using (var handle = files.Create(temporary))
            {
                files.Write(handle, System.Text.Encoding.UTF8.GetBytes(file.Content), 0);
                if (!OperatingSystem.IsWindows())
                {
                    File.SetUnixFileMode(handle, Readable);
                }

                files.Sync(handle);
            }

            files.Rename(temporary, file.Path, replace);
            files.SyncDirectory(folder);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            Discard(temporary);
            throw !replace && File.Exists(file.Path)
                ? new MaintenanceException(ErrorCode.DestinationInUse, $"'{file.Path}' exists. Give -Force to replace what is there.", file.Path, e)
                : IoErrors.Wrap(e, "write", file.Path);
        }
    }

    private static void Discard(string temporary)
    {
        try
        {
            DurableFiles.Default.Delete(temporary);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // Its folder cannot be written, or is none: the first failure says so.
        }
    }
}
