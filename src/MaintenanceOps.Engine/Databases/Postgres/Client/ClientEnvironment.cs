namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>
/// What PostgreSQL's programs find in their environment: how to reach the server, and otherwise little. Our own secrets, and
/// variables that would lead them to another server than ours, are none of their business.
/// </summary>
internal static class ClientEnvironment
{
    /// <summary>What a program needs to run at all, to speak a language and to log in with Kerberos.</summary>
    private static readonly string[] Kept =
    [
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TMP", "TEMP", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
        "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "USERPROFILE", "USERNAME", "USERDOMAIN",
        "KRB5CCNAME", "KRB5_CONFIG", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF",
    ];

    /// <summary>Leaves a program what it needs of ours.</summary>
    /// <param name="environment">Ours, which is changed.</param>
    /// <param name="program">What is started. Where that is none of PostgreSQL's, it is docker, ssh or the like, which needs variables of its own.</param>
    public static void Clean(IDictionary<string, string?> environment, string program)
    {
        var direct = Path.GetFileName(program).StartsWith("pg_", StringComparison.Ordinal);
        foreach (var name in environment.Keys.Where(n => direct ? !IsKept(n) : IsOurs(n)).ToList())
        {
            environment.Remove(name);
        }

        // Messages are compared with what the programs say in English.
        environment["LC_MESSAGES"] = "C";
    }

    private static bool IsKept(string name) => Kept.Contains(name, StringComparer.OrdinalIgnoreCase) || name.StartsWith("LC_", StringComparison.Ordinal);

    private static bool IsOurs(string name) =>
        name.StartsWith("MAINTENANCEOPS_", StringComparison.OrdinalIgnoreCase)
        || (name.StartsWith("PG", StringComparison.Ordinal) && name.Length > 2 && char.IsAsciiLetterUpper(name[2]))
        || name is "AWS_SECRET_ACCESS_KEY" or "AWS_SESSION_TOKEN" or "REDISCLI_AUTH";
}
