using MaintenanceOps.Engine.Databases.Postgres.Sessions;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>
/// Reads what people have in their settings: the driver's own form, the keywords of PostgreSQL's client library, or the URI that
/// most frameworks use. docs/postgresql.md lists what each of them may say.
/// </summary>
internal static class PostgresConnectionString
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; the message repeats nothing of the string.</exception>
    public static ConnectionSettings Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim();
        if (text.Length == 0)
        {
            throw ConnectionRefusal.Because("it is empty");
        }

        if (ConnectionUri.IsOne(text))
        {
            var ignored = new List<string>();
            return ConnectionSettings.Resolve(ConnectionUri.Parse(text, ignored), null, ignored);
        }

        // Both other forms are keyword=value. A semicolon tells the driver's form, unless that makes no sense.
        return KeywordString.HasSemicolon(text)
            ? First(text, FromDriver, FromKeywords)
            : First(text, FromKeywords, FromDriver);
    }

    /// <summary>What the likelier form has to complain of is what is told.</summary>
    private static ConnectionSettings First(string text, Func<string, ConnectionSettings> likely, Func<string, ConnectionSettings> unlikely)
    {
        try
        {
            return likely(text);
        }
        catch (MaintenanceException)
        {
            try
            {
                return unlikely(text);
            }
            catch (MaintenanceException)
            {
                // The first failure goes on.
            }

            throw;
        }
    }

    private static ConnectionSettings FromKeywords(string text) => ConnectionSettings.Resolve(KeywordString.Parse(text), null, []);

    private static ConnectionSettings FromDriver(string text)
    {
        var driver = DriverString.Parse(text);
        return ConnectionSettings.Resolve(DriverString.Values(driver), new NpgsqlConnectionStringBuilder(driver.ConnectionString), []);
    }
}
