namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Counts the entries of a drill whose permissions, owner, time or attributes are not those of the snapshot. The place of the
/// drill may not be able to keep them, so that says nothing against the content.
/// </summary>
internal sealed class AttributeDifferences
{
    private int count;
    private string first = "";

    public void Compare(FileEntry entry, string path, FileFacts found)
    {
        if (WhatDiffers(entry, path, found) is { } what && count++ == 0)
        {
            first = $"the {what} of '{PathCodec.Display(entry.Path)}'";
        }
    }

    /// <summary>One sentence about all of them; null where there are none.</summary>
    public string? Tell() => count == 0 ? null : $"{count} entries have other permissions, owners, times or attributes after the restore, such as {first}. Their content is right.";

    private static string? WhatDiffers(FileEntry entry, string path, FileFacts found)
    {
        if (entry.Kind != EntryKind.Link && entry.Mode >= 0 && found.Mode >= 0 && entry.Mode != found.Mode)
        {
            return "permissions";
        }

        // Only root gives files away; for anybody else another owner is no news.
        if (Environment.IsPrivilegedProcess && entry.User >= 0 && found.User >= 0 && (entry.User, entry.Group) != (found.User, found.Group))
        {
            return "owner";
        }

        if (entry.Modified != found.Modified && OperatingSystem.IsLinux())
        {
            return "time";
        }

        var kept = entry.Attributes.Count == 0 ? [] : TreeAccess.Current.Attributes(path, (_, _) => { });
        return entry.Attributes.Except(kept).Any() ? "attributes" : null;
    }
}
