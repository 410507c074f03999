using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>PostgreSQL's server programs of one major version, run as the user that owns the data where this process is root.</summary>
/// <param name="folder">Where they are.</param>
/// <param name="data">The data directory, which they run in.</param>
/// <param name="owner">The user that they run as; null where that is this process's own.</param>
internal sealed class ServerPrograms(string folder, string data, (int User, int Group)? owner)
{
    /// <summary>Finds those of the version that a data directory is of.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolUnfit"/>.</exception>
    public static ServerPrograms Of(int version, string data, (int User, int Group)? owner)
    {
        var major = (version / 10000).ToString(CultureInfo.InvariantCulture);
        string[] folders =
        [
            $"/usr/lib/postgresql/{major}/bin",
            $"/usr/pgsql-{major}/bin",
            $"/opt/homebrew/opt/postgresql@{major}/bin",
            $"/usr/local/opt/postgresql@{major}/bin",
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "PostgreSQL", major, "bin"),
        ];
        var program = OperatingSystem.IsWindows() ? "pg_ctl.exe" : "pg_ctl";
        var found = folders.FirstOrDefault(f => File.Exists(Path.Combine(f, program))) ?? throw new MaintenanceException(
            ErrorCode.ClientToolUnfit,
            $"A drill of this snapshot starts a private server of version {major}, and its programs are not installed here. Install PostgreSQL {major} (it need not run), or test with -Level Full.",
            "pg_ctl");
        return new ServerPrograms(found, data, owner);
    }

    /// <summary>Runs <c>pg_ctl</c>.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>.</exception>
    public void Control(string verb, params string[] arguments) => Run("pg_ctl", [verb, "--pgdata", data, .. arguments]);

    /// <summary>
    /// The limits that the data directory was last used with, such as <c>max_connections</c>, as <c>pg_controldata</c> tells
    /// them: a recovery refuses to go on with lower ones where the log has what needs them. Also the room for its log.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>.</exception>
    public IEnumerable<(string Name, string Value)> Limits()
    {
        const string Ending = " setting:";
        const string SegmentSize = "Bytes per WAL segment:";
        foreach (var words in Run("pg_controldata", ["--pgdata", data]).Split('\n'))
        {
            if (words.StartsWith(SegmentSize, StringComparison.Ordinal) && long.TryParse(words.AsSpan(SegmentSize.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes))
            {
                // A server asks for room for two segments at least, of whatever size.
                yield return ("min_wal_size", string.Create(CultureInfo.InvariantCulture, $"{Math.Max(80, (2 * bytes) >> 20)}MB"));
                yield return ("max_wal_size", string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1024, (4 * bytes) >> 20)}MB"));
            }

            var colon = words.IndexOf(Ending, StringComparison.Ordinal);
            if (colon > 0 && int.TryParse(words.AsSpan(colon + Ending.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                var name = words[..colon] switch
                {
                    "max_prepared_xacts" => "max_prepared_transactions",
                    "max_locks_per_xact" => "max_locks_per_transaction",
                    "max_connections" => "max_connections",
                    _ => null,
                };
                if (name is not null && value > 0)
                {
                    yield return (name, value.ToString(CultureInfo.InvariantCulture));
                }
            }
        }
    }

    private string Run(string program, string[] arguments)
    {
        var words = new List<string>();
        if (owner is { } o)
        {
            words.AddRange(["setpriv", $"--reuid={o.User}", $"--regid={o.Group}", "--clear-groups"]);
        }

        words.AddRange([Path.Combine(folder, program), .. arguments]);
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { WorkingDirectory = data, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        using var process = Process.Start(start)!;
        var (said, output) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
        process.ErrorDataReceived += (_, e) => said.Enqueue(e.Data ?? "");
        process.OutputDataReceived += (_, e) => output.Enqueue(e.Data ?? "");
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();

        // Its own end, and not that of its output, which a server that was started may keep open.
        process.WaitForExit(int.MaxValue);
        if (program != "pg_ctl")
        {
            process.WaitForExit();
        }

        return process.ExitCode == 0
            ? string.Join('\n', output)
            : throw new MaintenanceException(ErrorCode.ClientToolFailed, $"{program} {arguments[0]} ended with {process.ExitCode}: {string.Join(' ', said).Trim()}", program);
    }
}
