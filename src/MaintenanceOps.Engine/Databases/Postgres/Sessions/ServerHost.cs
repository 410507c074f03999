using System.Globalization;
using System.Net;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>One place where a server may be.</summary>
/// <param name="Name">A name, an address, or the folder of a socket. TLS and the password file go by it.</param>
/// <param name="Address">The address to connect to, where a name is not to be looked up; else null.</param>
/// <param name="Port">The port, or the number in the socket's name.</param>
internal sealed record ServerHost(string Name, string? Address, int Port)
{
    private const int UsualPort = 5432;

    /// <summary>Where the socket is where nobody says it: Debian's choice, then PostgreSQL's own.</summary>
    private static readonly string[] SocketFolders = ["/var/run/postgresql", "/tmp"];

    /// <summary>What is connected to.</summary>
    public string Target => Address ?? Name;

    /// <summary>Whether it is reached by a socket of this machine; one that begins with @ has no file.</summary>
    public bool IsSocket => Target is ['/' or '@', ..];

    /// <summary>As a URI writes it; nothing for a socket, which stands behind the question mark.</summary>
    public string Authority => string.Create(CultureInfo.InvariantCulture, $"{(Name.Contains(':', StringComparison.Ordinal) ? $"[{Name}]" : Name)}:{Port}");

    /// <summary>Pairs hosts, addresses and ports as the client library does: one port may serve all hosts.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static IReadOnlyList<ServerHost> Read(string? hosts, string? addresses, string? ports)
    {
        string[] names = string.IsNullOrEmpty(hosts) ? [] : hosts.Split(',');
        string[] numeric = string.IsNullOrEmpty(addresses) ? [] : addresses.Split(',');
        int[] numbers = string.IsNullOrEmpty(ports) ? [UsualPort] : [.. ports.Split(',').Select(PortOf)];
        if (names.Length > 0 && numeric.Length > 0 && names.Length != numeric.Length)
        {
            throw ConnectionRefusal.Because($"there are {names.Length} of host and {numeric.Length} of hostaddr");
        }

        var count = Math.Max(1, Math.Max(names.Length, numeric.Length));
        if (numbers.Length != 1 && numbers.Length != count)
        {
            throw ConnectionRefusal.Because($"there are {numbers.Length} ports for {count} hosts");
        }

        return [.. Enumerable.Range(0, count).Select(i => One(names.ElementAtOrDefault(i) ?? "", numeric.ElementAtOrDefault(i) ?? "", numbers[numbers.Length == 1 ? 0 : i]))];
    }

    private static ServerHost One(string name, string address, int port)
    {
        if (!IsPlain(name))
        {
            throw ConnectionRefusal.Because("the host is no name, address or folder of a socket. A password with @ : / ? # in a URI is written with %40 %3A %2F %3F %23");
        }

        if (address.Length > 0 && !IPAddress.TryParse(address, out _))
        {
            throw ConnectionRefusal.Because("hostaddr is no numeric address");
        }

        return new ServerHost(name.Length > 0 ? name : address.Length > 0 ? address : UsualHost(port), address.Length > 0 ? address : null, port);
    }

    private static string UsualHost(int port) => OperatingSystem.IsWindows()
        ? "localhost"
        : Array.Find(SocketFolders, f => File.Exists(string.Create(CultureInfo.InvariantCulture, $"{f}/.s.PGSQL.{port}"))) ?? "localhost";

    /// <summary>What no name of a machine has in it may be the end of a password, and is not shown or looked up anywhere.</summary>
    private static bool IsPlain(string name) => name is ['/' or '@', ..]
        ? !name.Any(c => c is ';' or '=' or '\n' or '\r' or '\0')
        : name.All(c => char.IsLetterOrDigit(c) || c is '.' or '-' or '_' or ':') && (!name.Contains(':', StringComparison.Ordinal) || IPAddress.TryParse(name, out _)) || IsScoped(name);

    /// <summary>An IPv6 address with the interface that it is meant for.</summary>
    private static bool IsScoped(string name) => name.Contains('%', StringComparison.Ordinal) && IPAddress.TryParse(name, out _);

    private static int PortOf(string text) => text.Length == 0 ? UsualPort
        : int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= ushort.MaxValue ? port
        : throw ConnectionRefusal.Because("the port is no number from 1 to 65535");
}
