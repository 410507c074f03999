using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// A private server on a restored data directory: it listens on a socket in a folder that only its user can enter, writes
/// no log archive, and is gone when it is disposed of. It never runs as root, which PostgreSQL refuses.
/// </summary>
internal sealed class ThrowawayServer : IDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(10);
    private readonly string programs;
    private readonly string data;
    private readonly (int User, int Group)? owner;

    private ThrowawayServer(string programs, string data, string sockets, (int User, int Group)? owner)
    {
        this.programs = programs;
        this.data = data;
        this.owner = owner;
        ConnectionString = string.Create(CultureInfo.InvariantCulture, $"Host={sockets};Port={Port};Username=postgres;Database=postgres");
    }

    private const int Port = 5432;

    public string ConnectionString { get; private set; }

    /// <summary>Starts a server and waits until it answers.</summary>
    /// <param name="version">The server's version, such as 150018; the programs must be of the same major one.</param>
    /// <param name="data">The data directory.</param>
    /// <param name="sockets">A folder for the socket, short enough for one.</param>
    /// <param name="owner">Whose the files are; the server runs as that user where this process is root.</param>
    /// <param name="user">The superuser's name.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolUnfit"/> or <see cref="ErrorCode.ClientToolFailed"/>.</exception>
    public static ThrowawayServer Start(int version, string data, string sockets, (int User, int Group)? owner, string user, CancellationToken cancellation)
    {
        var server = new ThrowawayServer(ProgramsOf(version), data, sockets, Environment.IsPrivilegedProcess ? owner : null);
        server.ConnectionString = server.ConnectionString.Replace("Username=postgres", $"Username={user}", StringComparison.Ordinal);
        var settings = $"-c listen_addresses='' -c unix_socket_directories='{sockets}' -c port={Port} -c fsync=off -c archive_mode=off -c shared_preload_libraries='' -c ssl=off -c hba_file='{sockets}/pg_hba.conf' -c logging_collector=off -c max_wal_senders=0 -c wal_level=minimal";
        File.WriteAllText(Path.Combine(sockets, "pg_hba.conf"), "local all all trust\n");
        try
        {
            server.Run("start", "--wait", "--timeout", ((int)StartTimeout.TotalSeconds).ToString(CultureInfo.InvariantCulture), "--silent", "--log", Path.Combine(sockets, "log"), "--options", settings);
            cancellation.ThrowIfCancellationRequested();
            return server;
        }
        catch (MaintenanceException e)
        {
            var log = Path.Combine(sockets, "log");
            var words = File.Exists(log) ? string.Join(" ", File.ReadLines(log).Where(l => l.Contains("FATAL", StringComparison.Ordinal) || l.Contains("PANIC", StringComparison.Ordinal)).Take(3)) : "";
            server.Dispose();
            throw new MaintenanceException(e.Code, words.Length > 0 ? $"The restored cluster does not start: {words}" : e.Message, data, e);
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Makes an empty cluster below a folder and starts a server on it.</summary>
    /// <param name="version">The oldest version that will do.</param>
    /// <param name="folder">A folder of the caller's own; the server's user gets it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static ThrowawayServer Initialize(int version, string folder, CancellationToken cancellation)
    {
        var owner = ServerUser();
        var (data, sockets) = (Path.Combine(folder, "data"), Path.Combine(folder, "s"));
        foreach (var path in new[] { data, sockets })
        {
            Directory.CreateDirectory(path);
            FileOwner.Give(path, owner);
        }

        FileOwner.Give(folder, owner);
        var server = new ThrowawayServer(ProgramsOf(version), data, sockets, owner);
        server.Run("initdb", "--silent", "--options", "--auth=trust --username=postgres --no-sync --encoding=UTF8 --locale=C");
        return Start(version, data, sockets, owner, "postgres", cancellation);
    }

    /// <summary>Whom a server runs as where this process is root: the user that the installation made, or else nobody.</summary>
    private static (int User, int Group)? ServerUser()
    {
        if (!Environment.IsPrivilegedProcess || OperatingSystem.IsWindows())
        {
            return null;
        }

        var accounts = File.ReadLines("/etc/passwd").Select(l => l.Split(':')).Where(w => w.Length > 3).ToDictionary(w => w[0], w => (int.Parse(w[2], CultureInfo.InvariantCulture), int.Parse(w[3], CultureInfo.InvariantCulture)), StringComparer.Ordinal);
        return accounts.TryGetValue("postgres", out var own) ? own : accounts.GetValueOrDefault("nobody", (65534, 65534));
    }

    public void Dispose()
    {
        try
        {
            Run("stop", "--mode", "immediate", "--wait", "--silent");
        }
        catch (MaintenanceException)
        {
            // It never started, or is gone already.
        }
    }

    /// <summary>Where the programs of a server of this version are.</summary>
    private static string ProgramsOf(int version)
    {
        var major = (version / 10000).ToString(CultureInfo.InvariantCulture);
        var folders = new[]
        {
            $"/usr/lib/postgresql/{major}/bin",
            $"/usr/pgsql-{major}/bin",
            $"/opt/homebrew/opt/postgresql@{major}/bin",
            $"/usr/local/opt/postgresql@{major}/bin",
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL", major, "bin"),
        };
        var program = OperatingSystem.IsWindows() ? "pg_ctl.exe" : "pg_ctl";
        return folders.FirstOrDefault(f => File.Exists(Path.Combine(f, program))) ?? throw new MaintenanceException(
            ErrorCode.ClientToolUnfit,
            $"A drill of this snapshot starts a private server of version {major}, and its programs are not installed here. Install PostgreSQL {major} (it need not run), or test with -Level Full.",
            "pg_ctl");
    }

    private void Run(string verb, params string[] arguments)
    {
        var words = new List<string>();
        if (owner is { } o)
        {
            words.AddRange(["setpriv", $"--reuid={o.User}", $"--regid={o.Group}", "--clear-groups"]);
        }

        words.AddRange([Path.Combine(programs, "pg_ctl"), verb, "--pgdata", data, .. arguments]);
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { WorkingDirectory = data };
        using var process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"pg_ctl {verb} ended with {process.ExitCode}.", "pg_ctl");
        }
    }
}
