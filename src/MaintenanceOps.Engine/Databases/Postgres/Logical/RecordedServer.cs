using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Finds the server that a snapshot of databases was taken from, for a restore that names no other one.</summary>
internal static class RecordedServer
{
    /// <summary>Whether a restore goes to a server: what it asks for is no folder of files.</summary>
    public static bool IsMeant(RestoreOptions options) => options.Table is not null || options.Schema is not null || (options.InPlace && options.Destination is null);

    /// <summary>The options with the recorded server; a password comes from a passfile or the environment, as nothing secret is recorded.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the snapshot does not tell.</exception>
    public static RestoreOptions Choose(RestoreOptions options, Snapshot snapshot, Manifest manifest)
    {
        try
        {
            var known = manifest.Postgres?.Address is { } address
                ? new NpgsqlConnectionStringBuilder { Host = address.Host, Port = address.Port, Username = address.User }
                : PostgresConnectionString.Parse(manifest.Origin);
            known.Database = null;
            return options with { ConnectionString = known.ConnectionString };
        }
        catch (Exception e) when (e is MaintenanceException or ArgumentException)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"Snapshot {snapshot.ShortId} does not tell from which server it was taken ('{manifest.Origin}'). Say where to with -ConnectionString.", snapshot.Id, e);
        }
    }

    /// <summary>An address of a server is no name of a folder.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static void RequireFolder(string? destination)
    {
        if (destination is not null && destination.Contains("postgres", StringComparison.OrdinalIgnoreCase) && destination.Contains(":/", StringComparison.Ordinal))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"A -Destination is a folder for the dumps as files, and this one is written as a server's address. Give the server with -ConnectionString.");
        }
    }
}
