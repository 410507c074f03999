using System.Net;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>
/// The one place where what a user says becomes something that may stand in a configuration. What could mean more than itself
/// in any of the languages is refused, so that no file of ours ever depends on the right way to quote it.
/// </summary>
internal static partial class ProxyValues
{
    /// <summary>Beside letters and digits. A space is fine, as paths always stand in double quotes.</summary>
    private const string InPaths = " /._-~@+,:=()";

    /// <summary>A path that may stand in double quotes in each of the languages.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static string Path(string path, string what)
    {
        // Web servers on Windows take the other slash too, and it needs no quoting.
        var text = OperatingSystem.IsWindows() ? path.Replace('\\', '/') : path;
        if (!Absolute().IsMatch(text) || text.EndsWith('/'))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"{what} '{path}' is not the absolute path of a file. A web server has a current folder of its own; write it as /run/app/maintenance.flag.", path);
        }

        Letters(text, what);
        return text;
    }

    /// <summary>Refuses what could mean more than itself.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static void Letters(string text, string what)
    {
        foreach (var letter in text)
        {
            if (!char.IsLetterOrDigit(letter) && !InPaths.Contains(letter, StringComparison.Ordinal))
            {
                throw new MaintenanceException(ErrorCode.InvalidArgument, $"{what} has the character {Show(letter)}, which means something in a web server's configuration. Use letters, digits, spaces and /._-~@+,:=() only.", text);
            }
        }
    }

    /// <summary>The application's name, fit for names of files, variables and sections.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static string Name(string name) => NameShape().IsMatch(name)
        ? name
        : throw new MaintenanceException(ErrorCode.InvalidArgument, $"The application's name '{name}' becomes part of a web server's variables. Write it with a-z, 0-9 and -, a letter first, at most 40.", name);

    /// <summary>An address or a network, as all web servers read it.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static string Network(string text)
    {
        var parts = text.Split('/');

        // The round trip refuses what only some programs read: 10.1, 0x7f.1, fe80::1%eth0.
        if (parts.Length <= 2 && !text.Contains('%', StringComparison.Ordinal)
            && IPAddress.TryParse(parts[0], out var address)
            && (parts[0].Contains(':', StringComparison.Ordinal) || address.ToString() == parts[0])
            && TryLength(parts, address.GetAddressBytes().Length * 8, out var length))
        {
            return new IPNetwork(Masked(address, length), length).ToString();
        }

        throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no address or network that could be let in. Write -BypassAddress as 203.0.113.7, 10.0.0.0/8 or 2001:db8::/32.", text);
    }

    /// <summary>Whole seconds for a Retry-After.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static long Seconds(TimeSpan time) => time >= MaintenanceSwitch.Shortest && time <= MaintenanceSwitch.Longest
        ? (long)Math.Ceiling(time.TotalSeconds)
        : throw new MaintenanceException(ErrorCode.InvalidArgument, $"-RetryAfter must be between {MaintenanceSwitch.Shortest.TotalSeconds:0} s and {MaintenanceSwitch.Longest.TotalDays:0} days.", time.ToString());

    /// <summary>Where Traefik reaches its gate.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static Uri Gate(string text) =>
        GateShape().IsMatch(text) && Uri.TryCreate(text, UriKind.Absolute, out var uri) && Uri.CheckHostName(uri.Host) != UriHostNameType.Unknown
            ? uri
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no place of the nginx that looks at the flag. Write -Upstream as http://127.0.0.1:9503 or http://maintenance-gate:9503.", text);

    private static bool TryLength(string[] parts, int most, out int length)
    {
        length = most;

        // A network of length 0 is everybody: a mistake, and never a bypass.
        return parts.Length == 1 || (int.TryParse(parts[1], System.Globalization.NumberStyles.None, null, out length) && length > 0 && length <= most);
    }

    private static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var kept = Math.Clamp(length - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xFF << (8 - kept));
        }

        return new IPAddress(bytes);
    }

    private static string Show(char letter) => char.IsControl(letter) || char.IsWhiteSpace(letter) ? $"U+{(int)letter:X4}" : $"'{letter}'";

    [GeneratedRegex("^(/|[A-Za-z]:/)")]
    private static partial Regex Absolute();

    [GeneratedRegex(@"^[a-z][a-z0-9-]{0,39}\z")]
    private static partial Regex NameShape();

    /// <summary>Before <see cref="Uri"/>, which tidies up what it reads.</summary>
    [GeneratedRegex(@"^http://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?\z")]
    private static partial Regex GateShape();
}
