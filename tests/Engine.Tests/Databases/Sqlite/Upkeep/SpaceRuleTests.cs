using System.Buffers.Binary;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite.Upkeep;

/// <summary>What is said about free pages, the size of a page and the room on the volume.</summary>
public sealed class SpaceRuleTests : IDisposable
{
    private readonly UpkeepWorld world = new();

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void A_healthy_database_gives_nothing_to_do(string journalMode)
    {
        SampleDatabase.Create(world.Database, 2000, 4096, journalMode);
        world.Create("ANALYZE");

        // How fast the disk of a test is, nobody knows.
        Assert.DoesNotContain(world.Inspect(), f => f.Rule != "WriteLatency" && f.Severity > FindingSeverity.Information);
        Assert.DoesNotContain(world.Inspect(), f => f.Action is not null);
    }

    [Fact]
    public void Looking_changes_neither_the_database_nor_its_folder()
    {
        SampleDatabase.Create(world.Database, 2000);
        using (var application = SqliteConnections.OpenBeside(world.Database))
        {
            application.Execute("PRAGMA wal_autocheckpoint = 0; UPDATE notes SET body = 'in the log only'");
            using var last = SqliteConnections.OpenBeside(world.Database);
            _ = last.Scalar<long>("SELECT count(*) FROM notes");
            application.Dispose();
        }

        Assert.NotEqual(0, world.LogLength);
        var before = Image();
        world.Inspect();
        world.Check(VerificationLevel.Full);
        Assert.Equal(before, Image());
    }

    [Fact]
    public void Many_free_pages_ask_for_a_vacuum()
    {
        world.CreateWithHoles(120, 7);
        var finding = Assert.Single(world.Find("FreePages"));
        Assert.Equal(FindingSeverity.Warning, finding.Severity);
        Assert.Equal(OptimizationStep.Vacuum, finding.Action);
        Assert.InRange(finding.Ratio!.Value, 0.65, 0.75);
        Assert.InRange(finding.Gain!.Value, 80_000_000, 90_000_000);
        Assert.InRange(finding.EstimatedSpace!.Value, 60_000_000, 90_000_000);
        Assert.True(finding.EstimatedTime > TimeSpan.Zero);
        Assert.Equal(world.Database, finding.Path);
        Assert.Contains("auto_vacuum = 2", Assert.Single(world.Find("AutoVacuum")).Sql, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_auto_vacuum_is_incremental_no_rewrite_is_asked_for()
    {
        world.CreateWithHoles(120, 7, "delete", autoVacuum: 2);
        Assert.Equal(OptimizationStep.Incremental, Assert.Single(world.Find("FreePages")).Action);
        Assert.Empty(world.Find("AutoVacuum"));
    }

    [Fact]
    public void Some_free_pages_are_only_told()
    {
        world.CreateWithHoles(30, 5);
        var finding = Assert.Single(world.Find("FreePages"));
        Assert.Equal((FindingSeverity.Information, null), (finding.Severity, finding.Action));
    }

    [Theory]
    [InlineData(1024, 1)]
    [InlineData(4096, 0)]
    public void Small_pages_of_a_larger_database_are_told(int pageSize, int findings)
    {
        world.Create($"PRAGMA page_size = {pageSize}; PRAGMA journal_mode = OFF; CREATE TABLE t(content); INSERT INTO t VALUES(zeroblob(12000000))");
        Assert.Equal(findings, world.Find("PageSize").Count);
    }

    /// <summary>The file has a hole of two terabytes, and its header says that they are its pages.</summary>
    [Fact]
    public void A_database_with_almost_all_pages_that_there_can_be_is_told()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        world.Create("PRAGMA page_size = 512; CREATE TABLE t(a)");
        const uint pages = 4_200_000_000;
        using (var file = File.OpenWrite(world.Database))
        {
            var header = new byte[4];
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(header, pages);
            file.Position = 28;
            file.Write(header);
            file.SetLength(pages * 512L);
        }

        var finding = Assert.Single(world.Find("PageLimit"));
        Assert.InRange(finding.Ratio!.Value, 0.97, 0.98);
    }

    [Fact]
    public void A_database_that_outgrew_its_volume_is_told()
    {
        // A file with a hole: what a header says of its size is all that the rule looks at.
        SampleDatabase.Create(world.Database, 10, 4096, "delete");
        const long Size = 3L << 40;
        var head = new byte[100];
        using (var file = File.Open(world.Database, FileMode.Open))
        {
            file.ReadExactly(head);
            BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(28), (uint)(Size / 4096));
            head.AsSpan(24, 4).CopyTo(head.AsSpan(92));
            file.Position = 0;
            file.Write(head);
            file.SetLength(Size);
        }

        var findings = world.Inspect();
        Assert.Contains("3.00 TiB", Assert.Single(findings, f => f.Rule == "VolumeSpace").Message, StringComparison.Ordinal);
        Assert.Equal(Size, Assert.Single(findings, f => f.Rule == "Outgrown").Size);
    }

    private Dictionary<string, string> Image() => Directory.EnumerateFiles(world.Folder)
        .Where(f => !f.EndsWith("-shm", StringComparison.Ordinal))
        .ToDictionary(f => f, f => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(f))));
}
