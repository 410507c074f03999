using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>rescue.cs brings PostgreSQL's log back, each file whole or not at all.</summary>
public sealed class RescueLogTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Rescue_brings_a_log_back_without_the_engine()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var plain = Repositories.New(folder);
        using var encrypted = Repository.Create(folder["encrypted"], Passphrase.FromText("secret"));
        var system = SystemOf(cluster);
        var archived = Archive(cluster, 2, plain, encrypted);
        File.WriteAllText(folder["00000002.history"], "1\t0/3000000\tno recovery target specified\n");
        File.WriteAllText(folder["00000003.history"], "");
        File.WriteAllText(folder["000000010000000000000001.00000028.backup"], "START WAL LOCATION: 0/1000028\n");
        File.Copy(archived[0], folder["000000020000000000000003.partial"]);
        foreach (var path in Directory.GetFiles(folder.Path))
        {
            new WalArchive(plain).Push(path, cluster.Data);
            new WalArchive(encrypted).Push(path, cluster.Data);
            archived.Add(path);
        }

        foreach (var (passphrase, name) in new[] { (null, "repository"), ("secret", "encrypted") })
        {
            var (listed, list) = Rescue.Run(passphrase, folder[name], "wal");
            Assert.True(listed == 0, list);
            Assert.All(archived, f => Assert.Contains($"{system}  {Path.GetFileName(f)}", list, StringComparison.Ordinal));

            var target = folder[$"log of {name}"];
            var (code, output) = Rescue.Run(passphrase, folder[name], "wal", system, target);

            Assert.True(code == 0, output);
            RequireExactly(archived, target);
            Assert.Equal(2, Rescue.Run(passphrase, folder[name], "wal", system, target).Code);
        }

        Assert.Equal(2, Rescue.Run(null, folder["repository"], "wal", "1", folder["none"]).Code);
        Assert.Equal(2, Rescue.Run(null, folder["repository"], "wal", "../wal/" + system, folder["none"]).Code);
        Assert.False(Directory.Exists(folder["none"]));
    }

    [PostgresFact]
    public void A_damaged_file_of_the_log_is_named_and_the_others_arrive()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        var system = SystemOf(cluster);
        var archived = Archive(cluster, 6, repository);
        var stored = archived.ConvertAll(f => folder[$"repository/wal/{system}/00000001/{Path.GetFileName(f)}"]);

        // A flipped bit in the description, in the content and in the footer; a lost end; an object under another's name.
        var bytes = File.ReadAllBytes(stored[0]);
        var frames = PackFooter.Open(repository.Key, ObjectKind.SealedFile, bytes, bytes).Frames;
        Flip(stored[0], frames[1].Offset);
        Flip(stored[1], frames[0].Offset);
        Flip(stored[2], new FileInfo(stored[2]).Length - 20);
        File.WriteAllBytes(stored[3], File.ReadAllBytes(stored[3])[..^1]);
        File.Copy(stored[5], stored[4], overwrite: true);

        // What does not have the name of such an object is passed over.
        Directory.CreateDirectory(folder[$"repository/wal/{system}/0000000A"]);
        File.Copy(stored[5], folder[$"repository/wal/{system}/0000000A/{Path.GetFileName(stored[5])}"]);
        File.Copy(stored[5], stored[5] + ".old");

        var (code, output) = Rescue.Run(null, folder["repository"], "wal", system, folder["log"]);

        Assert.True(code == 1, output);
        Assert.All(archived[..5], f => Assert.Contains($"LOST: {Path.GetFileName(f)}: ", output, StringComparison.Ordinal));
        Assert.Contains("frame 1 of ", output, StringComparison.Ordinal);
        Assert.Equal(2, output.Split("does not have the name of a file of the log").Length - 1);
        RequireExactly(archived[5..], folder["log"]);
    }

    /// <summary>Fills segments of a log and archives each in every repository.</summary>
    private static List<string> Archive(PostgresCluster cluster, int segments, params Repository[] repositories)
    {
        for (var i = 0; i < segments; i++)
        {
            cluster.Execute($"CREATE TABLE t{i} AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n");
            cluster.Execute("SELECT pg_switch_wal()");
        }

        // At the very end of a segment, the log's current place still bears that segment's name.
        cluster.Execute("CREATE TABLE behind_the_last_segment ()");
        var log = Path.Combine(cluster.Data, "pg_wal");
        var current = cluster.Query<string>("SELECT pg_walfile_name(pg_current_wal_lsn())");
        var full = Directory.GetFiles(log, "0*").Where(f => string.CompareOrdinal(Path.GetFileName(f), current) < 0).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(segments, full.Count);
        foreach (var repository in repositories)
        {
            full.ForEach(f => new WalArchive(repository).Push(f, cluster.Data));
        }

        return full;
    }

    private static string SystemOf(PostgresCluster cluster) => WalArchive.SystemOf(cluster.Data).ToString(CultureInfo.InvariantCulture);

    private static void RequireExactly(List<string> expected, string target)
    {
        Assert.Equal(expected.Select(Path.GetFileName).Order(StringComparer.Ordinal), Directory.GetFileSystemEntries(target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(expected, f => Assert.Equal(File.ReadAllBytes(f), File.ReadAllBytes(Path.Combine(target, Path.GetFileName(f)))));
    }

    private static void Flip(string path, long at)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
