using System.Globalization;
using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>
/// The password file, <c>~/.pgpass</c>, read as the client library reads it: by the host's name and not its address, and only
/// where nobody else can read it.
/// </summary>
internal static class PasswordFile
{
    private const UnixFileMode Others = (UnixFileMode)0b111_111;

    /// <summary>Folders whose sockets stand under <c>localhost</c>.</summary>
    private static readonly string[] UsualFolders = ["/var/run/postgresql", "/run/postgresql", "/tmp"];

    /// <summary>The password of the first line that fits; null where there is none.</summary>
    /// <param name="file">The file; the user's own where it is null.</param>
    /// <param name="host">Where to connect to.</param>
    /// <param name="database">Which database.</param>
    /// <param name="user">As whom.</param>
    public static string? Find(string? file, ServerHost host, string database, string user)
    {
        string[] wanted = [UsualFolders.Contains(host.Name.TrimEnd('/')) ? "localhost" : host.Name, host.Port.ToString(CultureInfo.InvariantCulture), database, user];
        foreach (var line in Lines(file ?? UsualFile()))
        {
            var fields = Fields(line);
            if (fields.Count == wanted.Length + 1 && wanted.Zip(fields).All(f => f.Second is (true, _) || f.First == f.Second.Text))
            {
                return fields[^1].Text;
            }
        }

        return null;
    }

    private static string UsualFile() => OperatingSystem.IsWindows()
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData), "postgresql", "pgpass.conf")
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pgpass");

    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & Others) == 0) ? File.ReadAllLines(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // As where there is none: the server says whether it wants a password.
            return [];
        }
    }

    /// <summary>Four fields and the password, between colons; a backslash takes the next character as it is, and a star alone fits all.</summary>
    private static List<(bool FitsAll, string Text)> Fields(string line)
    {
        var fields = new List<(bool, string)>();
        if (line.StartsWith('#'))
        {
            return fields;
        }

        var (field, start) = (new StringBuilder(), 0);
        for (var i = 0; i <= line.Length; i++)
        {
            if (i == line.Length || (line[i] == ':' && fields.Count < 4))
            {
                fields.Add((fields.Count < 4 && line.AsSpan(start, i - start) is "*", field.ToString()));
                field.Clear();
                start = i + 1;
            }
            else
            {
                i += line[i] == '\\' && i + 1 < line.Length ? 1 : 0;
                field.Append(line[i]);
            }
        }

        return fields;
    }
}
