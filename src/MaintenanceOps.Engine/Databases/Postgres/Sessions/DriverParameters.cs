using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>The client library's parameters in the driver's words.</summary>
internal static class DriverParameters
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: a value is none of those that there are; it names the keyword only.</exception>
    public static void Apply(NpgsqlConnectionStringBuilder driver, IReadOnlyDictionary<string, string> values)
    {
        foreach (var (keyword, value) in values)
        {
            switch (keyword)
            {
                case "passfile":
                    driver.Passfile = value;
                    break;
                case "sslmode":
                    driver.SslMode = Word<SslMode>(keyword, value);
                    break;
                case "sslnegotiation":
                    driver.SslNegotiation = Word<SslNegotiation>(keyword, value);
                    break;
                case "sslrootcert" when value == "system":
                    // The system's own authorities, which the driver takes where no file is named; the library asks for the full check then.
                    driver.RootCertificate = null;
                    driver.SslMode = SslMode.VerifyFull;
                    break;
                case "sslrootcert":
                    driver.RootCertificate = value;
                    break;
                case "sslcert":
                    driver.SslCertificate = value;
                    break;
                case "sslkey":
                    driver.SslKey = value;
                    break;
                case "sslpassword":
                    driver.SslPassword = value;
                    break;
                case "channel_binding":
                    driver.ChannelBinding = Word<ChannelBinding>(keyword, value);
                    break;
                case "gssencmode":
                    driver.GssEncryptionMode = Word<GssEncryptionMode>(keyword, value);
                    break;
                case "krbsrvname":
                    driver.KerberosServiceName = value;
                    break;
                case "require_auth":
                    driver.RequireAuth = value;
                    break;
                default:
                    // Who and where is set by itself; the rest changes nothing of what the driver does.
                    break;
            }
        }
    }

    private static T Word<T>(string keyword, string value)
        where T : struct, Enum =>
        Array.Find(Enum.GetNames<T>(), n => DriverString.Dashed(n) == value) is { } name
            ? Enum.Parse<T>(name)
            : throw ConnectionRefusal.Because($"{keyword} is none of {string.Join(", ", Enum.GetNames<T>().Select(DriverString.Dashed))}");
}
