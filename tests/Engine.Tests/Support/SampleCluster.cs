using System.Buffers.Binary;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>
/// Files that look like those of a PostgreSQL cluster with one tablespace, and a snapshot of an older state of them: enough for
/// what moves files and never starts a server, such as a fault at every step of it.
/// </summary>
internal static class SampleCluster
{
    private const ulong System = 7412345678901234567;
    private const string Version = "PG_15_202209061";
    private const string Segment = "000000010000000000000001";

    public static void Create(TestFolder folder)
    {
        Directory.CreateDirectory(folder["cluster/global"]);
        Directory.CreateDirectory(folder["cluster/pg_wal"]);
        Directory.CreateDirectory(folder[$"fast/{Version}"]);
        var control = new byte[8192];
        BinaryPrimitives.WriteUInt64LittleEndian(control, System);
        File.WriteAllBytes(folder["cluster/global/pg_control"], control);
        File.WriteAllText(folder["cluster/state"], "new");
        File.WriteAllText(folder[$"fast/{Version}/state"], "new");
        File.WriteAllBytes(folder[$"cluster/pg_wal/{Segment}"], Log());

        using var repository = Repository.Create(folder["clusters"], null);
        using var tree = new StreamedTree(repository, default);
        foreach (var path in new[] { "", "global", "pg_tblspc", "pg_tblspc/16384", $"pg_tblspc/16384/{Version}" })
        {
            tree.Add(new FileEntry { Path = path, Kind = EntryKind.Folder, Mode = 0x1c0 });
        }

        Add("global/pg_control", control);
        Add("state", "old"u8);
        Add($"pg_tblspc/16384/{Version}/state", "old"u8);
        var result = tree.Finish();
        repository.Commit(Manifest.Of(SnapshotKind.PostgresPhysical, new BackupOptions { Source = "pg" }, DateTimeOffset.UtcNow, null, 1) with
        {
            Map = result.Map,
            ContentHash = result.ContentHash,
            Size = result.Size,
            Postgres = new PostgresFacts
            {
                System = System,
                Version = 150018,
                Base = new BaseBackupFacts { StartSegment = Segment, StartLsn = "0/1000028", EndLsn = "0/1000100", Tablespaces = [new TablespaceFacts { Oid = 16384, Name = "fast", Location = "/mnt/fast" }] },
            },
        });

        void Add(string path, ReadOnlySpan<byte> content) => tree.AddFile(new FileEntry { Path = path, Kind = EntryKind.File, Mode = 0x180 }, new MemoryStream(content.ToArray()));
    }

    /// <summary>A cluster that could be started is whole, the old one or the new one, with the tablespace that belongs to it; what is archived is right.</summary>
    public static void Check(TestFolder folder, Func<Repository, bool> prove)
    {
        if (File.Exists(folder["cluster/global/pg_control"]))
        {
            Assert.Equal(File.ReadAllText(folder["cluster/state"]), File.ReadAllText(folder[$"fast/{Version}/state"]));
        }
        else
        {
            // The old one was put aside, and is all there.
            Assert.Equal("new", File.ReadAllText(Path.Combine(Directory.EnumerateDirectories(folder.Path, "cluster.before-restore-*").Single(), "state")));
        }

        using (var clusters = Repository.Open(folder["clusters"]))
        {
            Assert.True(prove(clusters));
        }

        using var repository = Repository.Open(folder["repository"]);
        Assert.All(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Full).ToList(), state => Assert.Empty(state.Findings));
        if (new WalArchive(repository).Fetch(Segment, folder["fetched"], System))
        {
            Assert.Equal(Log(), File.ReadAllBytes(folder["fetched"]));
            File.Delete(folder["fetched"]);
        }
    }

    /// <summary>A segment of 1 MiB with the header that tells whose it is.</summary>
    private static byte[] Log()
    {
        var log = new byte[1 << 20];
        new Random(7).NextBytes(log.AsSpan(40, 200_000));
        BinaryPrimitives.WriteUInt16LittleEndian(log, 0xd110);
        BinaryPrimitives.WriteUInt16LittleEndian(log.AsSpan(2), 2);
        BinaryPrimitives.WriteUInt64LittleEndian(log.AsSpan(8), 1 << 20);
        BinaryPrimitives.WriteUInt64LittleEndian(log.AsSpan(24), System);
        BinaryPrimitives.WriteUInt32LittleEndian(log.AsSpan(32), 1 << 20);
        return log;
    }
}
