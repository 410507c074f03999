using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>The connection service file, <c>pg_service.conf</c>: parameters under a name, found where the client library looks for it.</summary>
internal static class ServiceFile
{
    /// <summary>Where the file of the whole system is, by how PostgreSQL was built.</summary>
    private static readonly string[] SystemFolders = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/etc/pgsql", "/usr/local/pgsql/etc", "/usr/local/etc", "/opt/homebrew/etc"];

    /// <summary>The parameters of a service.</summary>
    /// <param name="service">Its name.</param>
    /// <param name="file">The file that was named; else the user's own, then the system's.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static Dictionary<string, string> Read(string service, string? file)
    {
        foreach (var path in Files(file))
        {
            if (Section(path, service) is { } values)
            {
                return values;
            }
        }

        throw ConnectionRefusal.Because(file is null || File.Exists(file) ? "the service that it names is in no service file (pg_service.conf)" : "the service file that it names is not there");
    }

    private static IEnumerable<string> Files(string? file)
    {
        var own = file ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pg_service.conf");
        var folders = Environment.GetEnvironmentVariable("PGSYSCONFDIR") is { Length: > 0 } folder ? [folder] : SystemFolders;
        return folders.Select(f => Path.Combine(f, "pg_service.conf")).Prepend(own).Where(File.Exists);
    }

    private static Dictionary<string, string>? Section(string path, string service)
    {
        Dictionary<string, string>? values = null;
        var number = 0;
        foreach (var line in Lines(path))
        {
            number++;
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line[0] == '[')
            {
                if (values is not null)
                {
                    return values;
                }

                values = line == $"[{service}]" ? new Dictionary<string, string>(StringComparer.Ordinal) : null;
            }
            else if (values is not null)
            {
                var at = line.IndexOf('=', StringComparison.Ordinal);
                if (at < 0 || !ConnectionKeywords.IsKnown(line[..at]) || line[..at] is "service" or "servicefile")
                {
                    throw new MaintenanceException(ErrorCode.InvalidArgument, $"Line {number} of '{path}' is no parameter of PostgreSQL as keyword=value.", path);
                }

                // The first one counts, and nothing is quoted.
                values.TryAdd(line[..at], line[(at + 1)..]);
            }
        }

        return values;
    }

    private static string[] Lines(string path) =>
        [.. GivenFile.Text(path, "read the service file").Split('\n').Select(l => l.Trim())];
}
