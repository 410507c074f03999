using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>
/// The URI form of libpq, <c>postgresql://user:password@host:port,host:port/database?keyword=value</c>, with what frameworks
/// add to it: <c>postgresql+psycopg2://</c>, <c>jdbc:postgresql://</c>, and parameters that are meant for their own drivers.
/// </summary>
internal static class ConnectionUri
{
    private const string Encode = "In a password @ : / ? # [ ] and % are written as %40 %3A %2F %3F %23 %5B %5D and %25";
    private static readonly string[] Schemes = ["postgresql", "postgres", "postgis", "pgsql"];

    /// <summary>Parameters of drivers and frameworks that say nothing of the server; only these are named when they are left out.</summary>
    private static readonly HashSet<string> OfOthers = new(StringComparer.OrdinalIgnoreCase)
    {
        "schema", "currentSchema", "search_path", "connection_limit", "pool_timeout", "pool_size", "pool_max_conns", "pool_min_conns", "max_overflow", "pool",
        "pgbouncer", "statement_cache_size", "socket_timeout", "sslaccept", "sslidentity", "charset", "encoding", "serverVersion", "uselibpqcompat", "prepareThreshold",
        "reWriteBatchedInserts", "binary_parameters", "default_query_exec_mode", "conn_max_age", "stringtype", "ApplicationName", "async_fallback", "prepared_statements",
        "timezone", "poolmode", "pool_mode", "workaround",
    };

    /// <summary>Whether the text begins as a URI of PostgreSQL's does, with or without a driver's name.</summary>
    public static bool IsOne(string text) => BodyOf(text) is not null;

    /// <param name="text">The URI.</param>
    /// <param name="ignored">Gets what was left out: names of known drivers' parameters, and a count of others.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; it names the part, and nothing of the text.</exception>
    public static Dictionary<string, string> Parse(string text, List<string> ignored)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var rest = BodyOf(text)!;
        rest = TakeUser(rest, values);
        var end = EndOfHosts(rest);
        TakeHosts(rest[..end], values);
        rest = rest[end..];
        var query = rest.IndexOf('?', StringComparison.Ordinal);
        var database = rest.StartsWith('/') ? rest[1..(query < 0 ? rest.Length : query)] : "";
        if (database.Contains('@', StringComparison.Ordinal))
        {
            // Only the end of a password looks so, one with a slash in it. A name with an @ can be written with %40.
            throw ConnectionRefusal.Because($"an @ stands behind the slash of the database. {Encode}");
        }

        Store(values, "dbname", database);
        if (query >= 0)
        {
            TakeParameters(rest[(query + 1)..], values, ignored);
        }

        return values;
    }

    /// <summary>What stands behind <c>://</c>.</summary>
    private static string? BodyOf(string text)
    {
        var at = text.StartsWith("jdbc:", StringComparison.OrdinalIgnoreCase) ? "jdbc:".Length : 0;
        var end = text.IndexOf("://", at, StringComparison.Ordinal);
        return end > 0 && Schemes.Contains(text[at..end].Split('+', 2)[0], StringComparer.OrdinalIgnoreCase) ? text[(end + 3)..] : null;
    }

    /// <summary>A user is there where an @ comes before the first slash.</summary>
    private static string TakeUser(string rest, Dictionary<string, string> values)
    {
        var at = rest.IndexOfAny(['@', '/']);
        if (at < 0 || rest[at] == '/')
        {
            return rest;
        }

        var user = rest[..at];
        var colon = user.IndexOf(':', StringComparison.Ordinal);
        Store(values, "user", colon < 0 ? user : user[..colon]);
        Store(values, "password", colon < 0 ? "" : user[(colon + 1)..]);
        return rest[(at + 1)..];
    }

    /// <summary>A question mark inside brackets, and a slash, end nothing there that the address has begun.</summary>
    private static int EndOfHosts(string rest)
    {
        var inside = false;
        for (var i = 0; i < rest.Length; i++)
        {
            inside = rest[i] switch { '[' => true, ']' => false, _ => inside };
            if (!inside && rest[i] is '/' or '?')
            {
                return i;
            }
        }

        return rest.Length;
    }

    private static void TakeHosts(string text, Dictionary<string, string> values)
    {
        var (hosts, ports) = (new List<string>(), new List<string>());
        foreach (var one in text.Split(','))
        {
            var end = one.StartsWith('[') ? one.IndexOf(']', StringComparison.Ordinal) : 0;
            if (one.Contains('@', StringComparison.Ordinal))
            {
                throw ConnectionRefusal.Because($"a second @ stands before the host. {Encode}");
            }

            if (end < 0 || (end > 0 && end + 1 < one.Length && one[end + 1] != ':'))
            {
                throw ConnectionRefusal.Because($"the brackets around an IPv6 address are not closed, or more than a port follows them. {Encode}");
            }

            var colon = one.IndexOf(':', end);
            hosts.Add(end > 0 ? one[1..end] : colon < 0 ? one : one[..colon]);
            ports.Add(colon < 0 ? "" : one[(colon + 1)..]);
        }

        Store(values, "host", string.Join(',', hosts));
        if (ports.Exists(p => p.Length > 0))
        {
            Store(values, "port", string.Join(',', ports));
        }
    }

    private static void TakeParameters(string query, Dictionary<string, string> values, List<string> ignored)
    {
        var others = 0;
        foreach (var (pair, number) in query.Split('&').Select((p, i) => (p, i + 1)).Where(p => p.p.Length > 0))
        {
            if (pair.Split('=') is not [var name, var value])
            {
                throw ConnectionRefusal.Because($"parameter {number} behind the question mark is no keyword=value. {Encode}");
            }

            name = Decode(name);
            if (name == "ssl" && value == "true")
            {
                (name, value) = ("sslmode", "require");
            }

            if (ConnectionKeywords.IsKnown(name))
            {
                Store(values, name, value);
            }
            else if (OfOthers.Contains(name))
            {
                ignored.Add(name);
            }
            else if (name.StartsWith("ssl", StringComparison.OrdinalIgnoreCase) || pair.Contains('@', StringComparison.Ordinal))
            {
                throw ConnectionRefusal.Because($"parameter {number} behind the question mark is not one of PostgreSQL's, and to leave it out might be wrong. Encryption is sslmode, sslrootcert, sslcert and sslkey. {Encode}");
            }
            else
            {
                others++;
            }
        }

        if (others > 0)
        {
            ignored.Add($"{others} that PostgreSQL does not know");
        }
    }

    /// <summary>Nothing is as if it were not there: an environment variable or the default then counts.</summary>
    private static void Store(Dictionary<string, string> values, string keyword, string encoded)
    {
        if (encoded.Length > 0)
        {
            values[keyword] = Decode(encoded);
        }
    }

    /// <summary>Each %XX is a byte of UTF-8; a plus is a plus.</summary>
    private static string Decode(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        var bytes = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                var length = char.IsHighSurrogate(text[i]) && i + 1 < text.Length ? 2 : 1;
                bytes.AddRange(Encoding.UTF8.GetBytes(text.Substring(i, length)));
                i += length - 1;
            }
            else if (i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2]) && text.AsSpan(i, 3) is not "%00")
            {
                bytes.Add(Convert.FromHexString(text.AsSpan(i + 1, 2))[0]);
                i += 2;
            }
            else
            {
                throw ConnectionRefusal.Because($"a % is followed by no two digits of a byte. {Encode}");
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
