using System.Collections.Concurrent;
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
    /// <summary>The data directory's name in a scratch folder.</summary>
    public const string DataFolder = "data";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(50);
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
    /// <param name="recovers">Whether it recovers from a log archive first; then it answers when it has come to the target.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolUnfit"/> or <see cref="ErrorCode.ClientToolFailed"/>.</exception>
    public static ThrowawayServer Start(int version, string data, string sockets, (int User, int Group)? owner, string user, bool recovers, CancellationToken cancellation)
    {
        var server = new ThrowawayServer(ProgramsOf(version), data, sockets, Environment.IsPrivilegedProcess ? owner : null);
        server.ConnectionString = server.ConnectionString.Replace("Username=postgres", $"Username={user}", StringComparison.Ordinal);
        var settings = $"-c listen_addresses='' -c unix_socket_directories='{sockets}' -c port={Port} -c fsync=off -c archive_mode=off -c shared_preload_libraries='' -c ssl=off -c hba_file='{sockets}/pg_hba.conf' -c logging_collector=off -c max_wal_senders=0 -c wal_level=minimal -c hot_standby=off -c config_file='{sockets}/postgresql.conf'";
        File.WriteAllText(Path.Combine(sockets, "pg_hba.conf"), "local all all trust\n");

        // The cluster's own settings are for another machine, or, as on Debian, not in its data directory at all.
        File.WriteAllText(Path.Combine(sockets, "postgresql.conf"), "");
        foreach (var file in new[] { "pg_hba.conf", "postgresql.conf" })
        {
            FileOwner.Give(Path.Combine(sockets, file), owner);
        }

        try
        {
            server.Run("start", "--wait", "--timeout", ((int)StartTimeout.TotalSeconds).ToString(CultureInfo.InvariantCulture), "--silent", "--log", Path.Combine(sockets, "log"), "--options", settings);

            // Also without an archive it recovers to the end of its base backup first, and pg_ctl does not wait for that.
            server.WaitForRecovery(cancellation);
            cancellation.ThrowIfCancellationRequested();
            return server;
        }
        catch (MaintenanceException e)
        {
            server.Dispose();
            if (Complaints(Path.Combine(sockets, "log"))?.Contains("before configured recovery target", StringComparison.Ordinal) == true)
            {
                throw new MaintenanceException(ErrorCode.WalMissing, $"The log in the archive ends before the target. {PostgresClusterRestore.LogEndsEarly}", data, e);
            }

            throw new MaintenanceException(e.Code, $"The restored cluster does not {(recovers ? "recover" : "start")}: {Complaints(Path.Combine(sockets, "log")) ?? e.Message}", data, e);
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
        var (data, sockets) = (Path.Combine(folder, DataFolder), Path.Combine(folder, "s"));
        foreach (var path in new[] { data, sockets })
        {
            Directory.CreateDirectory(path);
            FileOwner.Give(path, owner);
        }

        FileOwner.Give(folder, owner);
        var server = new ThrowawayServer(ProgramsOf(version), data, sockets, owner);
        server.Run("initdb", "--silent", "--options", "--auth=trust --username=postgres --no-sync --encoding=UTF8 --locale=C");
        return Start(version, data, sockets, owner, "postgres", recovers: false, cancellation);
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

    /// <summary>Stops a server that still runs in a scratch folder whose process was killed.</summary>
    public static void StopOrphan(string scratch)
    {
        var data = Path.Combine(scratch, DataFolder);
        var file = Path.Combine(data, "postmaster.pid");
        if (!File.Exists(file) || !int.TryParse(File.ReadLines(file).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var process))
        {
            return;
        }

        // The number may be another process's by now; the server works in its data directory.
        if (new DirectoryInfo($"/proc/{process}/cwd").ResolveLinkTarget(returnFinalTarget: false)?.FullName == data)
        {
            using var kill = Process.Start("kill", ["-QUIT", process.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
            for (var waited = TimeSpan.Zero; Directory.Exists($"/proc/{process}") && waited < TimeSpan.FromSeconds(5); waited += Beat)
            {
                Thread.Sleep(Beat);
            }
        }
    }

    /// <summary>Waits until the server has come to the recovery's target and takes changes again.</summary>
    private void WaitForRecovery(CancellationToken cancellation)
    {
        while (File.Exists(Path.Combine(data, "postmaster.pid")))
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                using var connection = PostgresServer.Connect(ConnectionString, null, cancellation);
                if (!connection.Scalar<bool>("SELECT pg_is_in_recovery()"))
                {
                    return;
                }
            }
            catch (MaintenanceException e) when (e.Code == ErrorCode.ServerUnavailable)
            {
                // It lets nobody in before it is done.
            }

            cancellation.WaitHandle.WaitOne(Beat);
        }

        throw new MaintenanceException(ErrorCode.ClientToolFailed, "The server ended during the recovery.", data);
    }

    private static string? Complaints(string log)
    {
        var words = File.Exists(log)
            ? string.Join(" ", File.ReadLines(log).Where(l => l.Contains("FATAL", StringComparison.Ordinal) || l.Contains("PANIC", StringComparison.Ordinal)).Where(l => !l.Contains("the database system is", StringComparison.Ordinal)).Take(3))
            : "";
        return words.Length > 0 ? words : null;
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
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { WorkingDirectory = data, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var said = new ConcurrentQueue<string>();
        process.ErrorDataReceived += (_, e) => said.Enqueue(e.Data ?? "");
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();

        // Its own end, and not that of its output, which a server that was started may keep open.
        process.WaitForExit(int.MaxValue);
        if (process.ExitCode != 0)
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"pg_ctl {verb} ended with {process.ExitCode}: {string.Join(' ', said).Trim()}", "pg_ctl");
        }
    }
}
