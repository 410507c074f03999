using System.Security.Cryptography;
using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A tree of files as text, one line an entry: two trees are the same when their texts are.</summary>
internal static class TreeImage
{
    public static string Of(string root, bool times = true)
    {
        var lines = new List<string>();
        var inodes = new Dictionary<ulong, string>();
        Describe(root, "", lines, inodes, times);
        return string.Join('\n', lines);
    }

    private static void Describe(string path, string name, List<string> lines, Dictionary<ulong, string> inodes, bool times)
    {
        var access = TreeAccess.Current;
        var facts = access.Facts(path)!.Value;
        var detail = facts.Kind switch
        {
            EntryKind.Link => "-> " + access.ReadLink(path),
            EntryKind.File when facts.Links > 1 && !inodes.TryAdd(facts.Inode, name) => "= " + inodes[facts.Inode],
            EntryKind.File => facts.Size + " " + Hash(access, path),
            _ => "",
        };
        lines.Add($"{name} {facts.Kind} {(facts.Kind == EntryKind.Link ? "" : Convert.ToString(facts.Mode, 8))} {facts.User}:{facts.Group} {(times ? $"{facts.Modified.Seconds}.{facts.Modified.Nanoseconds:d9}" : "")} {detail}");
        if (facts.Kind == EntryKind.Folder)
        {
            foreach (var child in access.Names(path).Order(TreeOrder.Instance))
            {
                Describe(TreeAccess.Join(path, child), name + "/" + child, lines, inodes, times);
            }
        }
    }

    private static string Hash(TreeAccess access, string path)
    {
        using var handle = access.OpenRead(path);
        using var stream = new FileStream(handle, FileAccess.Read);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
