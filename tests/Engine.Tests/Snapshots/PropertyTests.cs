using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>Random trees and random page edits: whatever they are, they come back byte for byte.</summary>
public sealed class PropertyTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_trees_that_change_at_random_come_back(int seed)
    {
        var random = new Random(seed);
        using var repository = Repositories.New(folder, seed % 2 == 0 ? "secret" : null);
        var tree = Directory.CreateDirectory(folder["tree"]).FullName;
        var states = new List<(Snapshot Snapshot, string Image)>();
        for (var round = 0; round < 5; round++)
        {
            for (var i = random.Next(5, 40); i > 0; i--)
            {
                Mutate(tree, random);
            }

            states.Add((repository.BackUpFiles(tree), TreeImage.Of(tree)));
        }

        foreach (var (snapshot, image) in states)
        {
            Assert.Empty(snapshot.Warnings);
            repository.Restore(snapshot, folder[snapshot.ShortId]);
            Assert.Equal(image, TreeImage.Of(folder[snapshot.ShortId]));
        }
    }

    [Theory]
    [InlineData(512)]
    [InlineData(2048)]
    [InlineData(4096)]
    [InlineData(32768)]
    public void Random_page_edits_come_back(int pageSize)
    {
        var random = new Random(pageSize);
        using var repository = Repositories.New(folder);
        SampleDatabase.Create(folder["app.db"], 600, pageSize, random.Next(2) == 0 ? "wal" : "delete");
        var states = new List<(Snapshot Snapshot, string Fingerprint)>();
        for (var round = 0; round < 6; round++)
        {
            using (var connection = SqliteConnections.OpenBeside(folder["app.db"]))
            {
                for (var i = random.Next(1, 12); i > 0; i--)
                {
                    connection.Execute(random.Next(6) switch
                    {
                        0 => $"DELETE FROM notes WHERE id % {random.Next(5, 50)} = 0",
                        1 => "VACUUM",
                        2 => $"UPDATE notes SET embedding = randomblob({random.Next(0, 5000)}) WHERE id % {random.Next(20, 90)} = 1",
                        3 => $"INSERT INTO notes(body) VALUES (hex(randomblob({random.Next(1, 20000)})))",
                        4 => $"UPDATE notes SET body = body || 'x' WHERE id < {random.Next(1, 300)}",
                        _ => "PRAGMA wal_checkpoint(PASSIVE)",
                    });
                }
            }

            states.Add((repository.BackUp(folder["app.db"]), SampleDatabase.Fingerprint(folder["app.db"])));
        }

        foreach (var (snapshot, fingerprint) in states)
        {
            repository.Restore(snapshot, folder[snapshot.ShortId]);
            Assert.Equal(fingerprint, SampleDatabase.Fingerprint(folder[snapshot.ShortId]));
            Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
        }
    }

    private static void Mutate(string tree, Random random)
    {
        var folders = Directory.GetDirectories(tree, "*", SearchOption.AllDirectories).Append(tree).ToArray();
        var files = Directory.GetFiles(tree, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint });
        var name = Path.Combine(folders[random.Next(folders.Length)], $"{(char)random.Next('a', 'z')}{random.Next(1000)}{"ä !~"[random.Next(4)]}");
        switch (random.Next(8))
        {
            case 0:
                Directory.CreateDirectory(name + ".d");
                break;
            case 1 when files.Length > 0:
                File.Delete(files[random.Next(files.Length)]);
                break;
            case 2 when files.Length > 0:
                Insert(files[random.Next(files.Length)], random);
                break;
            case 3 when !OperatingSystem.IsWindows() && !File.Exists(name):
                File.Delete(name + ".l");
                File.CreateSymbolicLink(name + ".l", "anything/../at all");
                break;
            case 4 when files.Length > 0 && !OperatingSystem.IsWindows():
                File.SetUnixFileMode(files[random.Next(files.Length)], (UnixFileMode)random.Next(0x80, 0x1ff) | UnixFileMode.UserRead | UnixFileMode.UserWrite);
                break;
            default:
                var bytes = new byte[random.Next(4) == 0 ? random.Next(2_000_000) : random.Next(5000)];
                random.NextBytes(bytes.AsSpan(0, random.Next(bytes.Length + 1)));
                File.WriteAllBytes(name, bytes);
                break;
        }
    }

    private static void Insert(string file, Random random)
    {
        var bytes = File.ReadAllBytes(file).ToList();
        bytes.InsertRange(random.Next(bytes.Count + 1), new byte[random.Next(1, 100)]);
        File.WriteAllBytes(file, [.. bytes]);
    }
}
