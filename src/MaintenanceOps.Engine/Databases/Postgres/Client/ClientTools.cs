using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>Finds and runs PostgreSQL's own programs. What they need to know of the server they get in the environment.</summary>
internal sealed partial class ClientTools(ClientToolOptions options, PostgresServer server)
{
    /// <summary>Starts a program whose output is read while it runs.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolUnfit"/>.</exception>
    public ClientProcess Start(string program, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        var environment = server.ClientEnvironment();

        // Roles and databases may have another one for their sessions.
        environment["PGCLIENTENCODING"] = program == "pg_dumpall" ? "UTF8" : server.EncodingName;

        // A prefix leads into a container or another machine, which has no part in our environment and reaches the server
        // by a way of its own; of ours it needs to know only the user. The database every program gets as an argument.
        IEnumerable<string> words = options.Prefix.Count > 0
            ? [.. options.Prefix, program, "--username", environment.GetValueOrDefault("PGUSER", "postgres")]
            : [Find(program)];
        return ClientProcess.Start([.. words, .. arguments], environment, cancellation, Encoding);
    }

    /// <summary>How names are written in what the programs say and dump.</summary>
    public Encoding Encoding => ServerEncoding.Of(server.EncodingName);

    /// <summary>Whether the programs run elsewhere, where the files of this machine are not.</summary>
    public bool AreElsewhere => options.Prefix.Count > 0;

    /// <summary>Starts any other program where PostgreSQL's programs run elsewhere.</summary>
    public ClientProcess StartThere(IReadOnlyList<string> words, CancellationToken cancellation) =>
        ClientProcess.Start([.. options.Prefix, .. words], new Dictionary<string, string>(), cancellation);

    /// <summary>The program's path, of a version that knows the server's.</summary>
    private string Find(string program)
    {
        var name = OperatingSystem.IsWindows() ? program + ".exe" : program;
        var found = new List<string>();
        foreach (var folder in Folders())
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path) || IsWrapper(path) || VersionOf(path) is not { } version)
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

    /// <summary>Debian's script in front of all versions takes longer to start than the program; the real ones are found too.</summary>
    private static bool IsWrapper(string path) => new FileInfo(path).LinkTarget?.EndsWith("/pg_wrapper", StringComparison.Ordinal) == true;

    /// <summary>A program is asked once.</summary>
    private static int? VersionOf(string path) => Versions.GetOrAdd(path, AskVersion);

    private static readonly ConcurrentDictionary<string, int?> Versions = new(StringComparer.Ordinal);

    private static int? AskVersion(string path)
    {
        try
        {
            var start = new ProcessStartInfo(path, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true };
            ClientEnvironment.Clean(start.Environment, path);
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
