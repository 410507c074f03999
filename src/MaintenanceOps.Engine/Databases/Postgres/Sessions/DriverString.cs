using System.Globalization;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>The driver's own form, <c>Host=db;Username=app</c>, said in the parameters of the client library, so that all programs get the same.</summary>
internal static class DriverString
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; it repeats nothing of the text.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException or OverflowException)
        {
            // The exception's own words may hold the password.
            throw ConnectionRefusal.Because("a part between two semicolons is no keyword=value that is known. A value with a semicolon or a quote stands in double quotes");
        }
    }

    /// <summary>What it says, by the library's keywords. Only what was written counts; the driver's defaults are not the library's.</summary>
    public static Dictionary<string, string> Values(NpgsqlConnectionStringBuilder driver)
    {
        var (hosts, ports) = Hosts(driver);
        (string Keyword, string? Value)[] values =
        [
            ("host", hosts),
            ("port", ports),
            ("user", driver.Username),
            ("password", driver.Password),
            ("dbname", driver.Database),
            ("passfile", driver.Passfile),
            ("application_name", driver.ApplicationName),
            ("options", driver.Options),
            ("sslrootcert", driver.RootCertificate),
            ("sslcert", driver.SslCertificate),
            ("sslkey", driver.SslKey),
            ("sslpassword", driver.SslPassword),
            ("require_auth", driver.RequireAuth),
            ("target_session_attrs", driver.TargetSessionAttributes),
            ("sslmode", Written(driver, "SSL Mode") ? Dashed(driver.SslMode.ToString()) : null),
            ("sslnegotiation", Written(driver, "SSL Negotiation") ? driver.SslNegotiation.ToString().ToLowerInvariant() : null),
            ("channel_binding", Written(driver, "Channel Binding") ? driver.ChannelBinding.ToString().ToLowerInvariant() : null),
            ("gssencmode", Written(driver, "GSS Encryption Mode") ? driver.GssEncryptionMode.ToString().ToLowerInvariant() : null),
            ("krbsrvname", Written(driver, "Kerberos Service Name") ? driver.KerberosServiceName : null),
            ("connect_timeout", Written(driver, "Timeout") ? driver.Timeout.ToString(CultureInfo.InvariantCulture) : null),
            ("load_balance_hosts", driver.LoadBalanceHosts ? "random" : null),
        ];
        return values.Where(v => !string.IsNullOrEmpty(v.Value)).ToDictionary(v => v.Keyword, v => v.Value!, StringComparer.Ordinal);
    }

    /// <summary>Words that the library writes with dashes and the driver's enumerations without.</summary>
    public static string Dashed(string word) => word switch
    {
        "VerifyCA" => "verify-ca",
        "VerifyFull" => "verify-full",
        _ => word.ToLowerInvariant(),
    };

    private static bool Written(NpgsqlConnectionStringBuilder driver, string keyword) => driver.Keys.Cast<string>().Contains(keyword, StringComparer.OrdinalIgnoreCase);

    /// <summary>Here a host may bring its port with it.</summary>
    private static (string? Hosts, string? Ports) Hosts(NpgsqlConnectionStringBuilder driver)
    {
        var usual = Written(driver, "Port") ? driver.Port.ToString(CultureInfo.InvariantCulture) : "";
        if (string.IsNullOrEmpty(driver.Host))
        {
            return (null, usual);
        }

        var split = driver.Host.Split(',').Select(h => Split(h.Trim(), usual)).ToList();
        return (string.Join(',', split.Select(s => s.Host)), split.TrueForAll(s => s.Port == usual) ? usual : string.Join(',', split.Select(s => s.Port)));
    }

    private static (string Host, string Port) Split(string host, string usual)
    {
        var bracket = host.StartsWith('[') ? host.IndexOf(']', StringComparison.Ordinal) : -1;
        if (bracket > 0)
        {
            return (host[1..bracket], host.Length > bracket + 2 && host[bracket + 1] == ':' ? host[(bracket + 2)..] : usual);
        }

        var colon = host.IndexOf(':', StringComparison.Ordinal);
        return host.StartsWith('/') || colon < 0 || colon != host.LastIndexOf(':') ? (host, usual) : (host[..colon], host[(colon + 1)..]);
    }
}
