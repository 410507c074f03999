using System.Globalization;
using Npgsql;

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
        var database = settings.Database ?? settings.Username ?? "postgres";
        return (Describe(settings, database), method == PostgresMethod.Logical ? database : $"{settings.Host?.TrimStart('/')}:{settings.Port}");
    }

    /// <summary>A server behind a socket has no host to stand before the slash.</summary>
    internal static string Describe(NpgsqlConnectionStringBuilder settings, string? database) => settings.Host switch
    {
        ['/', ..] socket => string.Create(CultureInfo.InvariantCulture, $"postgresql:///{database}?host={socket}&port={settings.Port}"),
        { } address when address.Contains(':', StringComparison.Ordinal) => string.Create(CultureInfo.InvariantCulture, $"postgresql://[{address}]:{settings.Port}{Slash(database)}"),
        var host => string.Create(CultureInfo.InvariantCulture, $"postgresql://{host}:{settings.Port}{Slash(database)}"),
    };

    private static string Slash(string? database) => string.IsNullOrEmpty(database) ? "" : "/" + database;
}
