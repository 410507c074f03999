using System.Diagnostics;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>What a file has beside its content comes back, or is told once with a count.</summary>
public sealed class RestoreAttributeTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [FullVolumeFact]
    public void Attributes_lists_capabilities_and_times_are_set_on_what_was_restored()
    {
        var list = AccessList();
        FileEntry[] entries =
        [
            new() { Path = "", Kind = EntryKind.Folder, Mode = Convert.ToInt32("2755", 8), User = 1000, Group = 1001, Modified = new FileTime(-1, 500_000_000), Attributes = [new("system.posix_acl_default", list), new("user.note", "x"u8.ToArray())] },
            new() { Path = "f", Kind = EntryKind.File, Mode = Convert.ToInt32("4711", 8), User = 1000, Group = 1001, Modified = new FileTime(-2_000_000_000, 1), Attributes = [new("security.capability", Convert.FromHexString("0100000200200000000000000000000000000000")), new("user.a", [0, 255, 7])] },
            new() { Path = "acl", Kind = EntryKind.File, Mode = Convert.ToInt32("664", 8), User = 0, Group = 0, Modified = new FileTime(9_000_000_000, 123_456_789), Attributes = [new("system.posix_acl_access", list)] },
        ];
        Directory.CreateDirectory(folder["out"]);
        var problems = new AttributeProblems();
        using (var at = TreeAccess.Current.OpenFolder(folder["out"]))
        {
            foreach (var entry in entries[1..])
            {
                using var file = at.CreateFile(entry.Path);
                at.Apply(file, entry, problems);
            }

            at.ApplySelf(entries[0], problems);
        }

        Assert.Empty(problems.Tell());
        foreach (var entry in entries)
        {
            var path = Path.TrimEndingDirectorySeparator(folder["out/" + entry.Path]);
            var facts = TreeAccess.Current.Facts(path)!.Value;
            Assert.Equal((entry.Mode, entry.User, entry.Group, entry.Modified), (facts.Mode, facts.User, facts.Group, facts.Modified));
            Assert.Equal(entry.Attributes, TreeAccess.Current.Attributes(path, (_, _) => { }));
        }
    }

    [FullVolumeFact]
    public void Pipes_sockets_and_devices_are_made_with_owner_mode_and_time()
    {
        FileEntry[] entries =
        [
            new() { Path = "pipe", Kind = EntryKind.Fifo, Mode = Convert.ToInt32("620", 8), User = 5, Group = 6, Modified = new FileTime(1_000_000_000, 5) },
            new() { Path = "socket", Kind = EntryKind.Socket, Mode = Convert.ToInt32("777", 8), User = 7, Group = 8, Modified = new FileTime(1_000_000_000, 6) },
            new() { Path = "null", Kind = EntryKind.CharacterDevice, Mode = Convert.ToInt32("666", 8), User = 0, Group = 0, Modified = new FileTime(1_000_000_000, 7), DeviceNumber = DeviceNumbers.Of(1, 3) },
            new() { Path = "loop", Kind = EntryKind.BlockDevice, Mode = Convert.ToInt32("660", 8), User = 0, Group = 6, Modified = new FileTime(1_000_000_000, 8), DeviceNumber = DeviceNumbers.Of(7, 300) },
        ];
        var problems = new AttributeProblems();
        using var at = TreeAccess.Current.OpenFolder(folder.Path);
        foreach (var entry in entries)
        {
            at.CreateSpecial(entry.Path, entry);
            at.Apply(entry.Path, entry, problems);
            var facts = TreeAccess.Current.Facts(folder[entry.Path])!.Value;
            Assert.Equal((entry.Kind, entry.Mode, entry.User, entry.Group, entry.Modified, entry.DeviceNumber), (facts.Kind, facts.Mode, facts.User, facts.Group, facts.Modified, facts.DeviceNumber));
        }

        Assert.Empty(problems.Tell());
    }

    [Fact]
    public void What_cannot_be_set_is_told_once_with_a_count()
    {
        var problems = new AttributeProblems();
        for (var i = 0; i < 3; i++)
        {
            problems.Add("capabilities", $"bin/tool{i}", "Operation not supported");
        }

        problems.Add("owner", "x\n", "only root may give files away");
        Assert.Equal(
            [
                "The capabilities of 3 entries could not be restored, such as 'bin/tool0': Operation not supported.",
                "The owner of 'x\\x0a' could not be restored: only root may give files away.",
            ],
            problems.Tell());
    }

    [FullVolumeFact]
    public void A_folder_that_passes_on_an_access_list_does_not_give_it_to_what_is_restored()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/secret"], "secret");
        using (var chmod = Process.Start("chmod", ["440", folder["tree/secret"]]))
        {
            chmod.WaitForExit();
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.Delete(folder["tree/secret"]);
        var problems = new AttributeProblems();
        using (var at = TreeAccess.Current.OpenFolder(folder["tree"]))
        {
            at.ApplySelf(new FileEntry { Path = "", Kind = EntryKind.Folder, Mode = Convert.ToInt32("777", 8), Attributes = [new("system.posix_acl_default", AccessList())] }, problems);
        }

        Assert.Empty(problems.Tell());
        repository.RestoreInPlace(snapshot);
        Assert.Empty(TreeAccess.Current.Attributes(folder["tree/secret"], (_, _) => { }));
        Assert.Equal(Convert.ToInt32("440", 8), TreeAccess.Current.Facts(folder["tree/secret"])!.Value.Mode);
    }

    /// <summary>Owner rw, user 1000 rw, group r, mask rw, others r.</summary>
    private static byte[] AccessList()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(2);
        foreach (var (tag, rights, id) in new[] { (1, 6, -1), (2, 6, 1000), (4, 4, -1), (16, 6, -1), (32, 4, -1) })
        {
            writer.Write((short)tag);
            writer.Write((short)rights);
            writer.Write(id);
        }

        writer.Flush();
        return stream.ToArray();
    }
}
