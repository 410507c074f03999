using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A real PostgreSQL server of a test's own, on a socket, run as the user that owns the installation where the tests run as root.</summary>
internal sealed class PostgresCluster : IDisposable
{
    private const string Server = "postgres";
    private readonly TestFolder folder = new();

    public PostgresCluster(params string[] settings)
    {
        if (Environment.IsPrivilegedProcess)
        {
            Call("chown", Server, folder.Path);
        }

        Program("initdb", "--pgdata", Data, "--auth=trust", "--username=postgres", "--no-sync", "--data-checksums");
        File.AppendAllLines(Path.Combine(Data, "postgresql.conf"), ["listen_addresses = ''", $"unix_socket_directories = '{folder.Path}'", "fsync = off", "shared_buffers = 32MB", .. settings]);
        Start();
    }

    /// <summary>Where initdb and its like are: the newest installed, or those of a version that one wants to try.</summary>
    public static string? Programs { get; } = Environment.GetEnvironmentVariable("MAINTENANCEOPS_TEST_POSTGRES") is { Length: > 0 } wanted ? wanted : Directory.Exists("/usr/lib/postgresql")
        ? Directory.EnumerateDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).LastOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
        : null;

    public string Data => folder["data"];

    public string Folder => folder.Path;

    public string ConnectionString => ConnectionTo("postgres");

    public string ConnectionTo(string database) => $"Host={folder.Path};Username=postgres;Database={database};Pooling=false";

    /// <summary>Starts a server on another data directory, as on one that was restored.</summary>
    public string StartOn(string data)
    {
        var sockets = Path.Combine(folder.Path, "s" + Guid.NewGuid().ToString("N")[..6]);
        Directory.CreateDirectory(sockets);
        if (Environment.IsPrivilegedProcess)
        {
            Call("chown", Server, sockets);
        }

        others.Add(data);
        Program("pg_ctl", "--pgdata", data, "--log", Path.Combine(sockets, "log"), "--wait", "--silent", "--options", $"-c unix_socket_directories={sockets}", "start");
        return $"Host={sockets};Username=postgres;Database=postgres;Pooling=false";
    }

    /// <summary>Makes a replica of this server, and starts it.</summary>
    public string StartReplica(params string[] settings)
    {
        var data = Path.Combine(folder.Path, "r" + Guid.NewGuid().ToString("N")[..6]);
        Program("pg_basebackup", "--pgdata", data, "--host", folder.Path, "--username", "postgres", "--checkpoint=fast", "--no-sync");
        File.WriteAllText(Path.Combine(data, "standby.signal"), "");
        File.AppendAllLines(Path.Combine(data, "postgresql.conf"), [$"primary_conninfo = 'host={folder.Path} user=postgres application_name=second'", .. settings]);
        Open(data);
        var connection = StartOn(data);
        if (!SpinWait.SpinUntil(() => Query<long>("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") > 0, TimeSpan.FromSeconds(10)))
        {
            throw new InvalidOperationException("The replica does not stream.");
        }

        return connection;
    }

    private readonly List<string> others = [];

    public void Start() => Program("pg_ctl", "--pgdata", Data, "--log", folder["log"], "--wait", "--silent", "start");

    public void Stop() => Stop(Data);

    /// <summary>Stops one of the servers that were started on other data directories.</summary>
    public static void Stop(string data) => Program("pg_ctl", "--pgdata", data, "--mode=fast", "--wait", "--silent", "stop");

    /// <summary>Stops the server as a power cut would, as far as its clients can tell.</summary>
    public void Kill() => Program("pg_ctl", "--pgdata", Data, "--mode=immediate", "--wait", "--silent", "stop");

    public void Execute(string sql, string database = "postgres") => Query<object?>(sql, ConnectionTo(database));

    public T Query<T>(string sql) => Query<T>(sql, ConnectionString);

    public static T Query<T>(string sql, string connectionString)
    {
        using var connection = new NpgsqlConnection(connectionString);
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar() is { } value and not DBNull ? (T)Convert.ChangeType(value, typeof(T) == typeof(object) ? value.GetType() : typeof(T), CultureInfo.InvariantCulture) : default!;
    }

    /// <summary>Whether the server's user can run a program.</summary>
    public static bool CanRun(string program, params string[] arguments)
    {
        try
        {
            Call([.. AsServer(), program, .. arguments]);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Lets the server's user read and write below a folder of the test.</summary>
    public static void Open(string path)
    {
        if (Environment.IsPrivilegedProcess)
        {
            Call("chown", "-R", Server, path);
        }
    }

    public static void Program(string program, params string[] arguments)
    {
        Call([.. AsServer(), Path.Combine(Programs!, program), .. arguments]);
    }

    private static string[] AsServer() =>
        Environment.IsPrivilegedProcess ? ["setpriv", $"--reuid={Server}", $"--regid={Server}", "--init-groups"] : [];

    public void Dispose()
    {
        foreach (var data in others.Append(Data))
        {
            try
            {
                Program("pg_ctl", "--pgdata", data, "--mode=immediate", "--wait", "--silent", "stop");
            }
            catch (InvalidOperationException)
            {
                // Not running.
            }
        }

        folder.Dispose();
    }

    private static void Call(params string[] words)
    {
        // The output goes to a file: a server that was started would keep a pipe open.
        var log = Path.GetTempFileName();
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", "exec \"$@\" > \"$0\" 2>&1", log, .. words]) { WorkingDirectory = "/" })!;
        process.WaitForExit();
        var said = File.ReadAllText(log);
        File.Delete(log);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', words)} ended with {process.ExitCode}: {said}");
        }
    }
}
