using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>Reads what people have in their settings: Npgsql's own form, or the URI that most frameworks use.</summary>
internal static class PostgresConnectionString
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; the message repeats nothing of the string.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        try
        {
            return IsUri(text) ? FromUri(text) : new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            // The exception's own words may hold the password.
            throw new MaintenanceException(ErrorCode.InvalidArgument, "The connection string cannot be read. Write 'Host=db;Port=5432;Database=app;Username=app' or 'postgresql://app@db:5432/app'.");
        }
    }

    public static bool IsUri(string text) =>
        text.StartsWith("postgresql://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("postgres://", StringComparison.OrdinalIgnoreCase);

    private static NpgsqlConnectionStringBuilder FromUri(string text)
    {
        var uri = new Uri(WithHost(text));
        var settings = new NpgsqlConnectionStringBuilder();
        if (uri.Host.Length > 0)
        {
            settings.Host = Uri.UnescapeDataString(uri.Host);
        }

        if (uri.Port > 0)
        {
            settings.Port = uri.Port;
        }

        var user = uri.UserInfo.Split(':', 2);
        if (user[0].Length > 0)
        {
            settings.Username = Uri.UnescapeDataString(user[0]);
        }

        if (user.Length == 2)
        {
            settings.Password = Uri.UnescapeDataString(user[1]);
        }

        if (uri.AbsolutePath.Length > 1)
        {
            settings.Database = Uri.UnescapeDataString(uri.AbsolutePath[1..]);
        }

        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = pair.Split('=', 2) is [var n, var v] ? (n, Uri.UnescapeDataString(v)) : throw new FormatException();
            switch (name)
            {
                case "host":
                    settings.Host = value;
                    break;
                case "user":
                    settings.Username = value;
                    break;
                case "password":
                    settings.Password = value;
                    break;
                case "dbname":
                    settings.Database = value;
                    break;
                case "port":
                    settings.Port = int.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
                    break;
                case "sslmode":
                    settings.SslMode = Enum.Parse<SslMode>(value.Replace("-", "", StringComparison.Ordinal), ignoreCase: true);
                    break;
                case "sslrootcert":
                    settings.RootCertificate = value;
                    break;
                case "passfile":
                    settings.Passfile = value;
                    break;
                default:
                    // What is meant for the application's own driver is none of our business.
                    break;
            }
        }

        return settings;
    }

    /// <summary>PostgreSQL takes <c>user@/database?host=/socket</c>; <see cref="Uri"/> wants a host behind the user.</summary>
    private static string WithHost(string text)
    {
        var start = text.IndexOf("://", StringComparison.Ordinal) + 3;
        var length = text.AsSpan(start).IndexOfAny('/', '?');
        var end = length < 0 ? text.Length : start + length;
        return end > start && text[end - 1] == '@' ? text.Insert(end, "localhost") : text;
    }
}
