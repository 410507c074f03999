using System.Globalization;

namespace MaintenanceOps.Engine.Health;

/// <summary>A host and a port.</summary>
internal readonly record struct Endpoint(string Host, int Port)
{
    /// <summary>Reads <c>host:port</c> or <c>[address]:port</c>; where a port is usual, it can be left out.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static Endpoint Parse(string text, int? usualPort = null)
    {
        var colon = text.LastIndexOf(':');
        var bracket = text.LastIndexOf(']');
        var hasPort = colon > bracket && (bracket >= 0 || text.IndexOf(':', StringComparison.Ordinal) == colon);
        var host = (hasPort ? text[..colon] : text).Trim('[', ']');
        if (host.Length > 0 && Uri.CheckHostName(host) != UriHostNameType.Unknown)
        {
            if (hasPort && int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536)
            {
                return new Endpoint(host, port);
            }

            if (!hasPort && usualPort is { } usual)
            {
                return new Endpoint(host, usual);
            }
        }

        // Before an @ stands a password, and in a connection string as well.
        var shown = text.Contains('@', StringComparison.Ordinal) || SecretText.IsLikely(text) ? "…" : text;
        throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{shown}' is not an endpoint. Write it as host:port, or [address]:port for IPv6, without a user.", shown);
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
