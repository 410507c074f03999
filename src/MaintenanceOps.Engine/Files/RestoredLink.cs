using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// In place, a path that was given to the backup and was a symbolic link is still that link, and what comes back goes to
/// where it leads. A link that says something else by now is not followed without being told to.
/// </summary>
internal static class RestoredLink
{
    private const int MaxLinks = 40;

    /// <summary>Where a restore in place goes to, and what of it.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>: the link was changed since the backup.</exception>
    public static (string Destination, Selection Selection) Follow(string destination, Selection selection, RestoreOptions options)
    {
        if (!options.InPlace || options.Destination is not null)
        {
            return (destination, selection);
        }

        // Folders on the way to the destination are followed anyway; a file is not, because it is replaced by its name.
        foreach (var entry in selection.Entries.Where(e => e.Via.Length > 0))
        {
            RequireSame(entry.Path.Length == 0 ? destination : TreeAccess.Join(destination, entry.Path), entry.Via, options.Force);
        }

        return selection.Entries is [{ Kind: EntryKind.File, Via.Length: > 0 } only] && Behind(TreeAccess.Join(destination, only.Path)) is { } real
            ? (ParentOf(real), Selection.Of([only with { Path = real[(real.LastIndexOf('/') + 1)..] }], []))
            : (destination, selection);
    }

    private static void RequireSame(string path, string via, bool force)
    {
        if (!force && TreeAccess.Current.Facts(path) is { Kind: EntryKind.Link } && TreeAccess.Current.ReadLink(path) is var now && now != via)
        {
            throw new MaintenanceException(
                ErrorCode.DestinationInUse,
                $"'{PathCodec.Display(path)}' was a link to '{PathCodec.Display(via)}' when it was backed up and is a link to '{PathCodec.Display(now)}' now. Give a -Destination, or -Force to restore to where it leads now.",
                path);
        }
    }

    /// <summary>
    /// The file that a link leads to; null where the path is no link or leads to no file. A link counts only if root made it or
    /// the owner of the file: nobody else leads a restore to a file that is not theirs.
    /// </summary>
    private static string? Behind(string path)
    {
        var (real, owners) = (path, new List<long>());
        for (var links = 0; links <= MaxLinks && TreeAccess.Current.Facts(real) is { } facts; links++)
        {
            if (facts.Kind != EntryKind.Link)
            {
                return links > 0 && facts.Kind == EntryKind.File && owners.TrueForAll(o => o <= 0 || o == facts.User) ? real : null;
            }

            owners.Add(facts.User);
            var target = TreeAccess.Current.ReadLink(real);
            real = Path.IsPathRooted(target) ? target : TreeAccess.Join(ParentOf(real), target);
        }

        return null;
    }

    private static string ParentOf(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "/";
}
