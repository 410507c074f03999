using MaintenanceOps.Engine.Databases.Postgres.Sessions;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>What a connection string means, without anything secret in it: a URI that PostgreSQL's own programs would take.</summary>
public static class PostgresPlace
{
    /// <summary>A database of the server in words.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static string DatabaseOf(string connectionString, string database) => Describe(PostgresConnectionString.Parse(connectionString), database);

    /// <summary>The database in words, and the name that its snapshots get where nobody gives one.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static (string Place, string Name) Of(string connectionString, PostgresMethod method)
    {
        var settings = PostgresConnectionString.Parse(connectionString);
        var first = settings.Hosts[0];
        return (Describe(settings, settings.Database), method == PostgresMethod.Logical ? settings.Database : $"{first.Name.TrimStart('/')}:{first.Port}");
    }

    /// <summary>A server behind a socket has no host to stand before the slash.</summary>
    internal static string Describe(ConnectionSettings settings, string? database) => settings.Hosts is [{ IsSocket: true } socket]
        ? $"postgresql:///{Encode(database)}?host={socket.Target}&port={socket.Port}"
        : $"postgresql://{string.Join(',', settings.Hosts.Select(h => h.Authority))}{(string.IsNullOrEmpty(database) ? "" : "/" + Encode(database))}";

    /// <summary>Only what would end the name, or begin something else, is written as a byte.</summary>
    private static string Encode(string? name) => string.Concat((name ?? "").Select(c => c is '%' or '?' or '/' or '#' or '@' or '&' ? $"%{(int)c:X2}" : c.ToString()));
}
