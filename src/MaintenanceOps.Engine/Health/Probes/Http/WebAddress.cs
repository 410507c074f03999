using System.Text;

namespace MaintenanceOps.Engine.Health.Probes.Http;

/// <summary>A web address as somebody wrote it. Its user and password are sent, and shown nowhere.</summary>
public static class WebAddress
{
    /// <summary>Reads an address such as <c>https://user:password@host/path</c>.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; the message does not repeat a secret.</exception>
    public static Uri Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) ? uri : throw new MaintenanceException(
            ErrorCode.InvalidArgument,
            $"'{Shown(text)}' is not a valid web address. Write it as http://host/path or https://host/path{(text.Contains('@', StringComparison.Ordinal) ? "; in a user or password write / as %2F, ? as %3F, # as %23 and @ as %40" : "")}.",
            Shown(text));
    }

    /// <summary>The address as it may stand in a message: without what can be a user, a password or a key.</summary>
    public static string Shown(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Host.Length > 0)
        {
            return new HttpQuestion { Uri = uri }.Place;
        }

        // Where the parts cannot be told apart, any of them may be the password.
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        return !text.Contains('@', StringComparison.Ordinal) ? Expectation.Shorten(text) : scheme > 0 ? text[..scheme] + "://…" : "…";
    }

    /// <summary>The header that an address with a user stands for, by RFC 7617; null where it has none.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the user has a colon, which would be taken for the end of it.</exception>
    internal static string? BasicAuthorization(Uri uri)
    {
        if (uri.UserInfo.Length == 0)
        {
            return null;
        }

        var colon = uri.UserInfo.IndexOf(':', StringComparison.Ordinal);
        var user = Uri.UnescapeDataString(colon < 0 ? uri.UserInfo : uri.UserInfo[..colon]);
        var password = colon < 0 ? "" : Uri.UnescapeDataString(uri.UserInfo[(colon + 1)..]);
        return !user.Contains(':', StringComparison.Ordinal)
            ? "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "The user in the address has a colon, which basic authentication cannot send. Give the Authorization header instead.");
    }
}
