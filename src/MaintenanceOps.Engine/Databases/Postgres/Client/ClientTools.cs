using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>Finds and runs PostgreSQL's own programs. What they need to know of the server they get in the environment.</summary>
internal sealed partial class ClientTools(ClientToolOptions options, PostgresServer server)
{
    /// <summary>Starts a program whose output is read while it runs.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolUnfit"/>.</exception>
    public ClientProcess Start(string program, IReadOnlyList<string> arguments, CancellationToken cancellation, bool writes = false)
    {
        var file = Find(program);
        var environment = server.ClientEnvironment();
        var words = new List<string>(options.Prefix);
        if (words.Count > 0)
        {
            // The prefix leads into a container or another machine, which has no part in our environment and reaches the
            // server by its own name; all but the user and the database is left to it.
            words.Add(file);
            words.AddRange(["--username", environment.GetValueOrDefault("PGUSER", "postgres")]);
        }
        else
        {
            words.Add(file);
        }

        words.AddRange(arguments);
        return ClientProcess.Start(words, environment, cancellation);
    }

    /// <summary>The program's path, of a version that knows the server's.</summary>
    private string Find(string program)
    {
        if (options.Prefix.Count > 0)
        {
            return program;
        }

        var name = OperatingSystem.IsWindows() ? program + ".exe" : program;
        var found = new List<string>();
        foreach (var folder in Folders())
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path) || VersionOf(path) is not { } version)
            {
                continue;
            }

            if (version >= server.Version / 10000)
            {
                return path;
            }

            found.Add($"{path} is version {version}");
        }

        throw new MaintenanceException(
            ErrorCode.ClientToolUnfit,
            found.Count > 0
                ? $"The server at {server.Describe()} is version {server.Version / 10000}, and {string.Join(", ", found)}, which is older and refuses it. Install the client of version {server.Version / 10000} or newer, or name its folder with -ClientPath."
                : $"'{program}' was not found. Install PostgreSQL's client programs, name their folder with -ClientPath, or run them where the server runs with -ClientPrefix.",
            program);
    }

    /// <summary>The given folder alone; else the PATH, then the usual places, the newest version first.</summary>
    private IEnumerable<string> Folders()
    {
        if (options.Path is not null)
        {
            return [options.Path];
        }

        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var roots = OperatingSystem.IsWindows()
            ? new[] { Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL") }
            : ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"];
        var installed = roots.Where(Directory.Exists)
            .SelectMany(Directory.EnumerateDirectories)
            .Select(d => Path.Combine(d, "bin"))
            .Where(Directory.Exists)
            .OrderByDescending(d => int.TryParse(NumberIn().Match(d).Value, CultureInfo.InvariantCulture, out var version) ? version : 0);
        return [.. path, .. installed];
    }

    private static int? VersionOf(string path)
    {
        try
        {
            var start = new ProcessStartInfo(path, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true };
            using var process = Process.Start(start)!;
            var words = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 && int.TryParse(NumberIn().Match(words).Value, CultureInfo.InvariantCulture, out var version) ? version : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex NumberIn();
}
