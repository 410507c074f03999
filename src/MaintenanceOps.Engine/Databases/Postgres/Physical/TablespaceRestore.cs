using System.Globalization;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Brings one tablespace back: to a place that the caller names, or to one beside the data directory. Where it was on its
/// server is never used by itself, because a snapshot must not choose where files are written. It is written beside what
/// is there, on the same volume, and gets its name by a rename; the place itself may be a mount point and stays.
/// </summary>
internal sealed class TablespaceRestore : IDisposable
{
    private readonly DurableFiles files = DurableFiles.Default;
    private readonly TablespaceFacts facts;
    private readonly string pattern;
    private ScratchFolder? scratch;
    private bool madePlace;

    /// <param name="facts">The tablespace.</param>
    /// <param name="version">The server's version, such as 150018: each major one has a folder of its own in a tablespace.</param>
    /// <param name="destination">The data directory.</param>
    /// <param name="mapping">The places to use, by the recorded ones or by the tablespaces' names.</param>
    public TablespaceRestore(TablespaceFacts facts, int version, string destination, IReadOnlyDictionary<string, string> mapping)
    {
        this.facts = facts;
        Place = mapping.TryGetValue(facts.Location, out var place) || mapping.TryGetValue(facts.Name, out place)
            ? Path.GetFullPath(place)
            : Path.Combine(destination + ".tablespaces", facts.Oid.ToString(CultureInfo.InvariantCulture));
        pattern = string.Create(CultureInfo.InvariantCulture, $"PG_{version / 10000}_*");
    }

    /// <summary>The folder that the link in the data directory leads to.</summary>
    public string Place { get; }

    /// <summary>A mapping of a tablespace that there is not is a slip of the keyboard.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static void RequireKnown(IReadOnlyCollection<TablespaceFacts> tablespaces, IReadOnlyDictionary<string, string> mapping)
    {
        if (mapping.Keys.FirstOrDefault(k => !tablespaces.Any(t => t.Location == k || t.Name == k)) is { } unknown)
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"The cluster has no tablespace '{unknown}'. It has {(tablespaces.Count == 0 ? "none" : string.Join(", ", tablespaces.Select(t => $"'{t.Name}' in '{t.Location}'")))}.",
                unknown);
        }
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public void RequireFree(bool force)
    {
        if (!force && Existing() is [var first, ..])
        {
            throw new MaintenanceException(
                ErrorCode.DestinationInUse,
                $"Tablespace '{facts.Name}' would be restored to '{Place}', where '{Path.GetFileName(first)}' of a cluster is. Give it another place with -TablespaceMapping ('mops restore --tablespace {facts.Location}=/other/place'), or -Force to replace it; the old one is kept beside it.",
                Place);
        }
    }

    /// <summary>Writes it beside what is there.</summary>
    public void Stage(Repository repository, IOperationSink sink, Snapshot snapshot, (int User, int Group)? owner, CancellationToken cancellation)
    {
        if (!Directory.Exists(Place))
        {
            files.CreateDirectory(Place);
            madePlace = true;
            FileOwner.Give(Place, owner);
        }

        scratch = ScratchFolder.Create(Place);
        try
        {
            new TreeRestore(repository, sink).Run(snapshot, new RestoreOptions { Destination = Staged, Include = [facts.Path + "/*"] }, cancellation);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ItemNotFound)
        {
            // It was dropped while the base backup ran, which the log tells the server too.
        }
    }

    /// <summary>Links the data directory to the place, and gives what was written its name there.</summary>
    public void Install(string dataDirectory, string suffix, Renames renames, List<string> warnings)
    {
        foreach (var old in Existing())
        {
            renames.Do(old, old + suffix);
            warnings.Add($"What was in '{old}' is kept as '{old + suffix}'.");
        }

        var content = Path.Combine(Staged, facts.Path);
        foreach (var folder in Directory.Exists(content) ? Directory.GetDirectories(content, pattern) : [])
        {
            renames.Do(folder, Path.Combine(Place, Path.GetFileName(folder)));
        }

        files.SyncDirectory(Place);
        warnings.Add($"Tablespace '{facts.Name}', which was in '{facts.Location}', is in '{Place}'.");
        var link = Path.Combine(dataDirectory, facts.Path);
        using var links = TreeAccess.Current.OpenFolder(Path.GetDirectoryName(link)!);
        links.CreateLink(Path.GetFileName(link), Place);
        madePlace = false;
    }

    public void Dispose()
    {
        scratch?.Dispose();
        if (madePlace && !Directory.EnumerateFileSystemEntries(Place).Any())
        {
            Directory.Delete(Place);
        }
    }

    private string Staged => Path.Combine(scratch!.Path, "tablespace");

    private string[] Existing() => Directory.Exists(Place)
        ? [.. Directory.EnumerateDirectories(Place, pattern).Where(d => !d.Contains(PostgresClusterRestore.KeptSuffix, StringComparison.Ordinal))]
        : [];
}
