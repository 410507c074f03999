using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>Where PostgreSQL's own programs are, and how they are started.</summary>
public sealed record ClientToolOptions
{
    /// <summary>The folder of the programs; null looks on the PATH and in the usual places.</summary>
    public string? Path { get; init; }

    /// <summary>Words in front of each program, such as <c>docker compose exec -T db</c>; they are then looked for there.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];
}

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

/// <summary>A program that runs: its output as a stream, its complaints as text, and an end that is checked.</summary>
internal sealed class ClientProcess : IDisposable
{
    private const int MaxComplaints = 8 * 1024;
    private readonly Process process;
    private readonly StringBuilder complaints = new();
    private readonly CancellationTokenRegistration killer;
    private readonly string name;

    private ClientProcess(Process process, string name, CancellationToken cancellation)
    {
        this.process = process;
        this.name = name;
        process.ErrorDataReceived += (_, e) =>
        {
            lock (complaints)
            {
                if (e.Data is not null && complaints.Length < MaxComplaints)
                {
                    complaints.AppendLine(e.Data);
                }
            }
        };
        process.BeginErrorReadLine();
        killer = cancellation.Register(Kill);
    }

    /// <summary>What the program writes.</summary>
    public Stream Output => process.StandardOutput.BaseStream;

    /// <summary>What the program reads.</summary>
    public Stream Input => process.StandardInput.BaseStream;

    /// <summary>What it complained about so far.</summary>
    public string Complaints
    {
        get
        {
            lock (complaints)
            {
                return complaints.ToString().Trim();
            }
        }
    }

    public static ClientProcess Start(IReadOnlyList<string> words, IReadOnlyDictionary<string, string> environment, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(words[0], words.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (variable, value) in environment)
        {
            start.Environment[variable] = value;
        }

        // Messages are compared with what the program says in English.
        start.Environment["LC_MESSAGES"] = "C";
        try
        {
            return new ClientProcess(Process.Start(start)!, Path.GetFileName(words[0]), cancellation);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new MaintenanceException(ErrorCode.ClientToolUnfit, $"'{words[0]}' cannot be started: {e.Message}", words[0], e);
        }
    }

    /// <summary>Waits for the end and throws unless it was a good one.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>.</exception>
    /// <exception cref="OperationCanceledException">It was killed because the work was cancelled.</exception>
    public void Finish(CancellationToken cancellation)
    {
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"{name} ended with {process.ExitCode}: {(Complaints.Length > 0 ? Complaints : "it said nothing.")}", name);
        }
    }

    public void Dispose()
    {
        killer.Dispose();
        Kill();
        process.WaitForExit();
        process.Dispose();
    }

    private void Kill()
    {
        try
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }
}
