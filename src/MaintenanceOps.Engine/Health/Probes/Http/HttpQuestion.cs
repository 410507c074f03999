namespace MaintenanceOps.Engine.Health.Probes.Http;

/// <summary>What a web address is asked.</summary>
public sealed record HttpQuestion
{
    /// <summary>The address; http or https. Its user and password go to its own host as basic authentication, unless a header says otherwise.</summary>
    public required Uri Uri { get; init; }

    /// <summary>The method.</summary>
    public string Method { get; init; } = "GET";

    /// <summary>Headers to send. Their values may be secret and are never told.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>What to send; null sends nothing.</summary>
    public string? Body { get; init; }

    /// <summary>A unix socket to connect to instead of the address's host.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>How many redirects are followed.</summary>
    public int MaxRedirects { get; init; } = 5;

    /// <summary>How many bytes of the answer are read, after decompression.</summary>
    public int MaxBody { get; init; } = 1 << 20;

    /// <summary>How the server's certificate is judged.</summary>
    public TlsTrust Trust { get; init; } = new();

    /// <summary>The address without user, password and the values of its query, which often hold a key.</summary>
    internal string Place
    {
        get
        {
            var query = Uri.Query.Length > 1 ? "?" + string.Join('&', Uri.Query[1..].Split('&').Select(p => p.Contains('=', StringComparison.Ordinal) ? p.Split('=')[0] + "=…" : "…")) + $"#{ShortHash.Of(Uri.Query)}" : "";
            return $"{Uri.Scheme}://{Uri.Authority}{Uri.AbsolutePath}{query}{(UnixSocket is null ? "" : $" at {UnixSocket}")}";
        }
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    internal void Check()
    {
        if (!Uri.IsAbsoluteUri || (Uri.Scheme != Uri.UriSchemeHttp && Uri.Scheme != Uri.UriSchemeHttps))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{WebAddress.Shown(Uri.OriginalString)}' is not a web address. Write it as http://host/path or https://host/path. A database or a plan is named by its own parameter.");
        }

        if (!IsToken(Method))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{Expectation.Shorten(Method)}' is no method. Write it as GET, HEAD or POST.");
        }

        _ = WebAddress.BasicAuthorization(Uri);

        // A line break would begin another header. The value may be secret and is not told.
        if (Headers.FirstOrDefault(h => !IsToken(h.Key) || h.Value is null || h.Value.Any(c => char.IsControl(c) && c != '\t')) is { Key: { } name })
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"The header '{Expectation.Shorten(name)}' cannot be sent: a name has letters, digits and dashes, and a value is one line.");
        }
    }

    /// <summary>By RFC 9110, section 5.6.2.</summary>
    private static bool IsToken(string text) => text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal));
}
