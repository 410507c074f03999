using System.Diagnostics;
using System.Globalization;
using System.Text;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// A private server on a restored data directory: it listens on a socket in a folder that only its user can enter, writes
/// no log archive, starts nothing that reaches other servers, and is gone when it is disposed of. Nothing of the cluster's
/// own configuration counts for it. It never runs as root, which PostgreSQL refuses.
/// </summary>
internal sealed class ThrowawayServer : IDisposable
{
    /// <summary>The data directory's name in a scratch folder.</summary>
    public const string DataFolder = "data";

    private const int Port = 5432;

    /// <summary>A socket's path has up to 107 bytes, on some systems 103.</summary>
    private const int MaxSocketFolder = 85;
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(50);
    private readonly ServerPrograms programs;
    private readonly string data;
    private readonly string folder;
    private readonly ServerLog log;
    private readonly (int User, int Group)? owner;
    private ScratchFolder? shortFolder;

    private ThrowawayServer(ServerPrograms programs, string data, string folder, (int User, int Group)? owner)
    {
        (this.programs, this.data, this.folder, this.owner) = (programs, data, folder, owner);
        log = new ServerLog(Path.Combine(folder, "log"));
    }

    /// <summary>How long it may come no further before it is given up.</summary>
    internal static TimeSpan Patience { get; set; } = TimeSpan.FromMinutes(10);

    public string ConnectionString { get; private set; } = "";

    /// <summary>Starts a server and waits until it answers and takes changes: it recovers first, at least to the end of its base backup.</summary>
    /// <param name="version">The server's version, such as 150018; the programs must be of the same major one.</param>
    /// <param name="data">The data directory.</param>
    /// <param name="folder">A folder for its socket, settings and log.</param>
    /// <param name="owner">Whose the files are; the server runs as that user where this process is root.</param>
    /// <param name="user">The superuser's name.</param>
    /// <param name="progress">A number that grows while somebody else works for it, such as the segments that were handed to it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.ClientToolUnfit"/>; <see cref="ErrorCode.ClientToolFailed"/>: it does not start, or comes no further
    /// for ten minutes; <see cref="ErrorCode.WalMissing"/>: the log ends before the target of the recovery.
    /// </exception>
    public static ThrowawayServer Start(int version, string data, string folder, (int User, int Group)? owner, string user, Func<long> progress, CancellationToken cancellation)
    {
        var runsAs = Environment.IsPrivilegedProcess ? owner : null;
        var server = new ThrowawayServer(ServerPrograms.Of(version, data, runsAs), data, folder, owner);
        try
        {
            server.Configure(version, user);
            server.programs.Control("start", "--no-wait", "--silent", "--log", Path.Combine(folder, "log"), "--options", $"-c config_file='{Path.Combine(folder, "postgresql.conf").Replace("'", "'\\''", StringComparison.Ordinal)}'");
            server.WaitForRecovery(progress, cancellation);
            return server;
        }
        catch (MaintenanceException e)
        {
            var words = server.log.Complaints;
            server.Dispose();
            throw words?.Contains("before configured recovery target", StringComparison.Ordinal) == true
                ? new MaintenanceException(ErrorCode.WalMissing, $"The log in the archive ends before the target. {RecoveryPlan.LogEndsEarly}", data, e)
                : new MaintenanceException(e.Code, $"The restored cluster does not start: {words ?? e.Message}", data, e);
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
        ServerPrograms.Of(version, data, owner).Control("initdb", "--silent", "--options", "--auth=trust --username=postgres --no-sync --encoding=UTF8 --locale=C");
        return Start(version, data, sockets, owner, "postgres", () => 0, cancellation);
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
            programs.Control("stop", "--mode", "immediate", "--wait", "--silent");
        }
        catch (MaintenanceException)
        {
            // It never started, or is gone already.
        }

        shortFolder?.Dispose();
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

    /// <summary>
    /// Writes its configuration. The cluster's own is for another machine, or, as on Debian, not in its data directory at all.
    /// </summary>
    private void Configure(int version, string user)
    {
        var sockets = SocketFolder();
        ConnectionString = new NpgsqlConnectionStringBuilder { Host = sockets, Port = Port, Username = user, Database = "postgres" }.ConnectionString;
        List<(string Name, string Value)> settings =
        [
            ("listen_addresses", ""),
            ("unix_socket_directories", sockets),
            ("unix_socket_permissions", "0700"),
            ("port", Port.ToString(CultureInfo.InvariantCulture)),
            ("hba_file", Path.Combine(folder, "pg_hba.conf")),
            ("ident_file", Path.Combine(folder, "pg_ident.conf")),
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("huge_pages", "off"),
            ("autovacuum", "off"),
            ("restart_after_crash", "off"),
            ("lc_messages", "C"),
            ("hot_standby", "off"),
            ("wal_level", "minimal"),
            ("archive_mode", "off"),
            ("max_wal_senders", "0"),
            ("max_logical_replication_workers", "0"),
            .. programs.Limits(),
        ];
        if (version >= 170000)
        {
            // From there on, what a user wrote could run when somebody connects.
            settings.Add(("event_triggers", "off"));
        }

        Write("pg_hba.conf", "local all all trust\n");
        Write("pg_ident.conf", "");
        Write("postgresql.conf", string.Concat(settings.Select(s => $"{s.Name} = '{s.Value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'\n")));
    }

    private void Write(string name, string text)
    {
        File.WriteAllText(Path.Combine(folder, name), text);
        FileOwner.Give(Path.Combine(folder, name), owner);
    }

    private string SocketFolder()
    {
        if (OperatingSystem.IsWindows() || Encoding.UTF8.GetByteCount(folder) <= MaxSocketFolder)
        {
            return folder;
        }

        shortFolder = ScratchFolder.Create("/tmp");
        FileOwner.Give(shortFolder.Path, owner);
        return shortFolder.Path;
    }

    /// <summary>Waits until the server has come to the recovery's target and takes changes.</summary>
    private void WaitForRecovery(Func<long> progress, CancellationToken cancellation)
    {
        var running = Path.Combine(data, "postmaster.pid");
        var (begun, still) = (Stopwatch.StartNew(), Stopwatch.StartNew());
        var last = "";
        while (File.Exists(running) || (log.Complaints is null && begun.Elapsed < TimeSpan.FromSeconds(30)))
        {
            cancellation.ThrowIfCancellationRequested();
            if (IsReady(cancellation))
            {
                return;
            }

            var state = string.Create(CultureInfo.InvariantCulture, $"{progress()} {RecoveryProgress.Of(data)}");
            if (state != last)
            {
                last = state;
                still.Restart();
            }
            else if (still.Elapsed > Patience)
            {
                throw new MaintenanceException(ErrorCode.ClientToolFailed, $"The private server has come no further for {Patience.TotalMinutes:0.#} minutes, so it was given up. The last line of its log: {log.Last}", data);
            }

            cancellation.WaitHandle.WaitOne(Beat);
        }

        throw new MaintenanceException(ErrorCode.ClientToolFailed, $"The server ended during the recovery. The last line of its log: {log.Last}", data);
    }

    private bool IsReady(CancellationToken cancellation)
    {
        try
        {
            using var connection = PostgresServer.Connect(ConnectionString, "template1", cancellation);
            return !connection.Scalar<bool>("SELECT pg_catalog.pg_is_in_recovery()");
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ServerUnavailable)
        {
            // It lets nobody in before it is done. What it says of the user or the database does not change by waiting.
            return e.InnerException is PostgresException { SqlState: not PostgresErrorCodes.CannotConnectNow } refused
                ? throw new MaintenanceException(ErrorCode.ClientToolFailed, $"The private server refuses its superuser: {refused.MessageText}", data, e)
                : false;
        }
        catch (NpgsqlException)
        {
            // It ended while it was asked.
            return false;
        }
    }
}
