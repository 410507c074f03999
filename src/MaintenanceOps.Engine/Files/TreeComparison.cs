using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Files;

/// <summary>Merges two listings, which are in the same order, and tells what differs.</summary>
internal sealed class TreeComparison(Repository repository)
{
    /// <summary>Of an entry's attributes that many are named.</summary>
    private const int MaxAttributes = 5;

    public IReadOnlyList<SnapshotDifference> Run(Snapshot reference, Snapshot difference, CancellationToken cancellation)
    {
        var differences = new List<SnapshotDifference>();
        var attributes = repository.ReadManifest(reference.Id).Format >= 2 && repository.ReadManifest(difference.Id).Format >= 2;
        using var old = Entries(reference, cancellation).GetEnumerator();
        using var recent = Entries(difference, cancellation).GetEnumerator();
        bool hasOld = old.MoveNext(), hasNew = recent.MoveNext();
        while (hasOld || hasNew)
        {
            cancellation.ThrowIfCancellationRequested();
            var order = !hasOld ? 1 : !hasNew ? -1 : TreeOrder.Instance.Compare(old.Current.Path, recent.Current.Path);
            var (before, after) = (order <= 0 ? old.Current : null, order >= 0 ? recent.Current : null);
            if (Describe(before, after, reference, difference, attributes) is { } found)
            {
                differences.Add(found);
            }

            hasOld = order <= 0 ? old.MoveNext() : hasOld;
            hasNew = order >= 0 ? recent.MoveNext() : hasNew;
        }

        return differences;
    }

    private IEnumerable<FileEntry> Entries(Snapshot snapshot, CancellationToken cancellation) =>
        Listing.Entries(Listing.Read(repository, snapshot.Id, repository.ReadManifest(snapshot.Id), cancellation)).Where(e => e.Path.Length > 0);

    private static SnapshotDifference? Describe(FileEntry? before, FileEntry? after, Snapshot reference, Snapshot difference, bool attributes)
    {
        var detail = before is null || after is null ? "" : string.Join(", ", Changes(before, after, attributes));
        if (before is not null && after is not null && detail.Length == 0)
        {
            return null;
        }

        return new SnapshotDifference
        {
            Path = PathCodec.Display((after ?? before)!.Path),
            ItemKind = SnapshotItems.KindOf((after ?? before)!.Kind),
            Change = before is null ? DifferenceKind.Added : after is null ? DifferenceKind.Removed : DifferenceKind.Changed,
            ReferenceSize = before?.Size,
            DifferenceSize = after?.Size,
            Detail = detail,
            Reference = reference.Id,
            Difference = difference.Id,
        };
    }

    private static IEnumerable<string> Changes(FileEntry before, FileEntry after, bool attributes)
    {
        if (before.Kind != after.Kind)
        {
            yield return "kind";
        }

        if (before.Size != after.Size || !SameContent(before, after))
        {
            yield return "content";
        }

        if (before.Target != after.Target)
        {
            yield return "target";
        }

        if (before.Mode != after.Mode)
        {
            yield return "mode";
        }

        if (before.User != after.User || before.Group != after.Group)
        {
            yield return "owner";
        }

        if (before.DeviceNumber != after.DeviceNumber)
        {
            yield return "device";
        }

        // Entries of version 1 do not say which attributes there were.
        if (attributes)
        {
            foreach (var name in before.Attributes.Except(after.Attributes).Concat(after.Attributes.Except(before.Attributes)).Select(a => a.Name).Distinct().Take(MaxAttributes))
            {
                yield return $"attribute {PathCodec.Display(name)}";
            }
        }

        // A folder's time changes with what is in it, which is told already.
        if (before.Kind == EntryKind.File && after.Kind == EntryKind.File && before.Modified != after.Modified && SameContent(before, after))
        {
            yield return "time";
        }
    }

    /// <summary>Chunks are cut by content, so equal contents have equal chunks; holes may have become zeros.</summary>
    private static bool SameContent(FileEntry before, FileEntry after) => before.Extents.AsSpan().SequenceEqual(after.Extents);
}
