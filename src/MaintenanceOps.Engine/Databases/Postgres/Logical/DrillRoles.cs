using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Makes the roles that a dump's objects name on a private server: their names, what they are members of and whether they
/// are superusers, from the snapshot's own globals. They cannot log in; passwords and settings are not taken.
/// </summary>
internal sealed partial class DrillRoles(PostgresServer server)
{
    private readonly HashSet<string> known = new(StringComparer.Ordinal);

    public void Provide(Repository repository, Snapshot snapshot, Manifest manifest, CancellationToken cancellation)
    {
        known.UnionWith(server.Rows("SELECT rolname FROM pg_catalog.pg_roles", r => r.GetString(0)));
        var lines = Globals(repository, snapshot, manifest, cancellation).Split('\n').Select(l => l.TrimEnd('\r')).ToList();
        var named = lines.Select(l => Made().Match(l)).Where(m => m.Success).Select(m => Name(m.Groups["role"].Value));
        foreach (var role in named.Concat(manifest.Postgres!.Databases.SelectMany(d => d.Roles.Append(d.Owner))).Where(r => r.Length > 0))
        {
            if (known.Add(role))
            {
                Try($"CREATE ROLE {PostgresServer.Quote(role)}");
            }
        }

        foreach (var match in lines.Select(l => Raised().Match(l)).Where(m => m.Success))
        {
            Try($"ALTER ROLE {PostgresServer.Quote(Name(match.Groups["role"].Value))} SUPERUSER");
        }

        foreach (var match in lines.Select(l => Granted().Match(l)).Where(m => m.Success))
        {
            Try($"GRANT {PostgresServer.Quote(Name(match.Groups["role"].Value))} TO {PostgresServer.Quote(Name(match.Groups["member"].Value))}");
        }
    }

    /// <summary>A role that this server refuses shows in what is said of the objects that name it.</summary>
    private void Try(string sql)
    {
        try
        {
            server.Execute(sql);
        }
        catch (PostgresException)
        {
            // A reserved name, or a membership that goes round.
        }
    }

    private static string Globals(Repository repository, Snapshot snapshot, Manifest manifest, CancellationToken cancellation)
    {
        var entry = Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, cancellation)).FirstOrDefault(e => e.Path == PostgresDump.Globals);
        if (entry is null)
        {
            return "";
        }

        using var text = new MemoryStream();
        EntryContent.CopyTo(repository, snapshot.Id, entry, text, cancellation);
        return System.Text.Encoding.UTF8.GetString(text.ToArray());
    }

    private static string Name(string written) => written.StartsWith('"') ? written[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal) : written;

    private const string Identifier = "(\"(?:[^\"]|\"\")+\"|[^ \";]+)";

    [GeneratedRegex("^CREATE ROLE (?<role>" + Identifier + ");$")]
    private static partial Regex Made();

    [GeneratedRegex("^ALTER ROLE (?<role>" + Identifier + ") WITH SUPERUSER ")]
    private static partial Regex Raised();

    [GeneratedRegex("^GRANT (?<role>" + Identifier + ") TO (?<member>" + Identifier + ")( WITH .*| GRANTED BY .*)?;$")]
    private static partial Regex Granted();
}
