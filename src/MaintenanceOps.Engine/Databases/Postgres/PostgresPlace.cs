namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>What a connection string means, without anything secret in it.</summary>
public static class PostgresPlace
{
    /// <summary>The server in words.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static string ServerOf(string connectionString)
    {
        var settings = PostgresConnectionString.Parse(connectionString);
        return $"postgresql://{settings.Host}:{settings.Port}";
    }

    /// <summary>The server in words, and the name that its snapshots get where nobody gives one.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static (string Place, string Name) Of(string connectionString, PostgresMethod method)
    {
        var settings = PostgresConnectionString.Parse(connectionString);
        var database = settings.Database ?? settings.Username ?? "postgres";
        return ($"{ServerOf(connectionString)}/{database}", method == PostgresMethod.Logical ? database : $"{settings.Host?.TrimStart('/')}:{settings.Port}");
    }
}
