using MaintenanceOps.Engine.Snapshots;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>The settings with which a server archives its log into a repository.</summary>
public sealed class WalArchiveSettings
{
    private readonly PostgresSetting[] wanted;
    private readonly string connectionString;

    private WalArchiveSettings(string connectionString, PostgresSetting[] wanted)
    {
        this.connectionString = connectionString;
        this.wanted = wanted;
    }

    /// <summary>Compares what a server has with what it needs.</summary>
    /// <param name="connectionString">A superuser, or one that may change settings.</param>
    /// <param name="repository">The repository's location as the server's user sees it.</param>
    /// <param name="program">The path of <c>mops</c> on the server's machine.</param>
    /// <param name="timeout">After how long a segment is archived though it is not full; the most that a disaster can cost.</param>
    /// <param name="cancellation">Ends the attempt to connect.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>.</exception>
    public static WalArchiveSettings Plan(string connectionString, string repository, string program, TimeSpan timeout, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(repository);
        ArgumentNullException.ThrowIfNull(program);
        using var server = PostgresServer.Connect(connectionString, null, cancellation);
        (string Name, string Value)[] settings =
        [
            ("wal_level", server.Scalar<string>("SHOW wal_level") == "logical" ? "logical" : "replica"),
            ("archive_mode", server.Scalar<string>("SHOW archive_mode") == "always" ? "always" : "on"),
            ("archive_command", $"{Word(program)} wal-push \"%p\" --repository {Word(repository)}"),
            ("archive_timeout", ((int)timeout.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture)),
        ];
        var plan = settings.Select(s => server.Rows(
            "SELECT setting, context FROM pg_settings WHERE name = $1",
            r => new PostgresSetting(s.Name, r.GetString(0), s.Value, r.GetString(1) == "postmaster"),
            s.Name)[0]);
        return new WalArchiveSettings(connectionString, [.. plan.Where(s => s.Current != s.Wanted)])
        {
            Doubt = server.IsHere && Path.IsPathRooted(program) && !File.Exists(program)
                ? $"There is no '{program}' on this machine, so the server's archive_command will fail and its log will pile up. Give -Program the path of mops."
                : null,
        };
    }

    /// <summary>What looks wrong about the program, where the server is on this machine; else null.</summary>
    public string? Doubt { get; private init; }

    /// <summary>What has to change; nothing where the server archives here already.</summary>
    public IReadOnlyList<PostgresSetting> Changes => wanted;

    /// <summary>Writes the settings and has the server read them. Some take effect with the server's next start.</summary>
    /// <param name="cancellation">Ends the attempt to connect.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DatabaseError"/>: the user may not.</exception>
    public void Apply(CancellationToken cancellation = default)
    {
        using var server = PostgresServer.Connect(connectionString, null, cancellation);
        try
        {
            foreach (var setting in wanted)
            {
                server.Execute($"ALTER SYSTEM SET {setting.Name} = '{setting.Wanted.Replace("'", "''", StringComparison.Ordinal)}'");
            }

            server.Execute("SELECT pg_reload_conf()");
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    private static string Word(string text) => $"\"{text.Replace("\"", "\\\"", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal)}\"";
}
