using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Databases.Sqlite.Upkeep;
using MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite.Upkeep;

/// <summary>The write-ahead log, its readers, and locks that are in the way.</summary>
public sealed class LogAndLockTests : IDisposable
{
    private const string GrowLog = "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0; UPDATE files SET content = randomblob(100000)";
    private readonly UpkeepWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void A_large_log_is_moved_and_cut_off()
    {
        world.CreateWithHoles(20, 0);
        using var application = world.Connect();
        application.Execute(GrowLog);
        var finding = Assert.Single(world.Find("WalSize"));
        Assert.Equal(OptimizationStep.Checkpoint, finding.Action);
        Assert.Equal(world.LogLength, finding.Size);
        Assert.Matches("; ([0-9,]+) of \\1 frames are not in the database", finding.Message);
        Assert.Contains("never moved", Assert.Single(world.Find("CheckpointHeld")).Message, StringComparison.Ordinal);

        var result = Assert.Single(world.Optimize(new OptimizationRequest { Findings = world.Inspect() }));
        Assert.Equal((OptimizationStatus.Done, ""), (result.Status, result.Reason));
        Assert.InRange(result.Reclaimed!.Value, finding.Size!.Value, long.MaxValue);
        Assert.Equal(0, world.LogLength);
        Assert.Empty(world.Find("WalSize"));
        Assert.Equal(OptimizationStatus.Skipped, world.Optimize(OptimizationStep.Checkpoint).Status);
        world.AssertWhole();
    }

    [Fact]
    public void Behind_a_reader_what_can_be_moved_is_moved_and_the_rest_is_told()
    {
        world.CreateWithHoles(20, 0);
        using var application = world.Connect();
        application.Execute(GrowLog);
        using var reader = world.Connect();
        reader.Execute("BEGIN; SELECT count(*) FROM kept");
        _ = reader.Scalar<long>("SELECT count(*) FROM kept");
        application.Execute(GrowLog);
        Assert.Matches("reader that began at frame [0-9,]+ of", Assert.Single(world.Find("CheckpointHeld")).Message);

        var first = world.Optimize(OptimizationStep.Checkpoint);
        Assert.Equal(OptimizationStatus.Done, first.Status);
        Assert.Matches("[0-9,]+ of [0-9,]+ frames of the log are not in the database", first.Reason);
        Assert.Equal(OptimizationStatus.Skipped, world.Optimize(OptimizationStep.Checkpoint).Status);

        reader.Execute("ROLLBACK");
        Assert.Equal(OptimizationStatus.Done, world.Optimize(OptimizationStep.Checkpoint).Status);
        Assert.Equal(0, world.LogLength);
        Assert.Empty(world.Find("CheckpointHeld"));
        world.AssertWhole();
    }

    [Fact]
    public void A_log_that_is_moved_but_still_read_is_done_and_stays()
    {
        world.CreateWithHoles(2, 0);
        using var application = world.Connect();
        application.Execute(GrowLog);
        using var reader = world.Connect();
        reader.Execute("BEGIN");
        _ = reader.Scalar<long>("SELECT count(*) FROM kept");
        var result = world.Optimize(OptimizationStep.Checkpoint);
        Assert.Equal(OptimizationStatus.Done, result.Status);
        Assert.Contains("cut off", result.Reason, StringComparison.Ordinal);
        Assert.NotEqual(0, world.LogLength);
    }

    [Fact]
    public void A_database_without_a_log_has_none_to_move()
    {
        SampleDatabase.Create(world.Database, 10, 4096, "delete");
        Assert.Contains("journal_mode is delete", world.Optimize(OptimizationStep.Checkpoint).Reason, StringComparison.Ordinal);
        Assert.Equal(OptimizationStatus.Skipped, world.Optimize(OptimizationStep.Checkpoint, force: true).Status);
    }

    [Fact]
    public void A_log_that_once_grew_past_a_gibibyte_is_told()
    {
        world.CreateWithHoles(2, 0);
        using (var application = SqliteConnections.OpenBeside(world.Database))
        {
            application.Execute(GrowLog);
        }

        using (var log = new FileStream(world.Database + "-wal", FileMode.OpenOrCreate))
        {
            log.SetLength((1L << 30) + 1);
        }

        using var keeper = SqliteConnections.OpenBeside(world.Database);
        Assert.Equal("wal", Assert.Single(world.Find("Outgrown")).Object);
    }

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void A_held_write_lock_is_told_and_waited_for_no_longer_than_asked(string journalMode)
    {
        SampleDatabase.Create(world.Database, 2000, 4096, journalMode);
        using var writer = world.Connect();
        writer.Execute("BEGIN IMMEDIATE");
        Assert.Equal(FindingSeverity.Warning, Assert.Single(world.Find("LockWaits")).Severity);
        var watch = Stopwatch.StartNew();
        var result = world.Optimize(OptimizationStep.Analyze);
        Assert.Equal(OptimizationStatus.Skipped, result.Status);
        Assert.Contains("holds a lock", result.Reason, StringComparison.Ordinal);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.4, 5);
        writer.Execute("ROLLBACK");
        Assert.Empty(world.Find("LockWaits"));
    }

    [PeerFact("sqlite3")]
    public void A_program_that_keeps_the_file_open_is_named()
    {
        SampleDatabase.Create(world.Database, 100, 4096, "delete");
        Assert.Empty(world.Find("JournalMode"));
        using var shell = Shell();
        try
        {
            Assert.Contains($"sqlite3 ({shell.Id})", Assert.Single(world.Find("JournalMode")).Message, StringComparison.Ordinal);
            Assert.Contains($"sqlite3 ({shell.Id})", world.Optimize(OptimizationStep.Vacuum, force: true).Reason, StringComparison.Ordinal);
        }
        finally
        {
            shell.Kill();
            shell.WaitForExit();
        }
    }

    [PeerFact("sqlite3")]
    public void The_locks_of_connections_in_this_process_survive_a_look_a_check_and_a_step()
    {
        // A second handle to a file, closed, would drop them; another process then goes where it must not.
        world.CreateWithHoles(2, 0);
        using var reader = world.Connect();
        reader.Execute("BEGIN");
        _ = reader.Scalar<long>("SELECT count(*) FROM kept");
        using var writer = world.Connect();
        writer.Execute("UPDATE kept SET body = 'changed' WHERE id = 1; UPDATE kept SET body = 'body 1' WHERE id = 1; BEGIN IMMEDIATE");
        world.Inspect();
        world.Check(VerificationLevel.Full);
        Assert.Equal(OptimizationStatus.Skipped, world.Optimize(OptimizationStep.Vacuum, force: true).Status);

        Assert.Contains("locked", Ask("INSERT INTO kept(body) VALUES('x')"), StringComparison.Ordinal);
        writer.Execute("ROLLBACK");
        Assert.StartsWith("1|", Ask("PRAGMA wal_checkpoint(TRUNCATE)"), StringComparison.Ordinal);
        Assert.NotEqual(0, world.LogLength);
        reader.Execute("ROLLBACK");
        Assert.StartsWith("0|0|0", Ask("PRAGMA wal_checkpoint(TRUNCATE)"), StringComparison.Ordinal);
        world.AssertWhole();
    }

    [Fact]
    public void A_link_leads_to_the_file_and_its_log()
    {
        world.CreateWithHoles(20, 0);
        using var application = world.Connect();
        application.Execute(GrowLog);
        var link = Path.Combine(world.Folder, "link.db");
        File.CreateSymbolicLink(link, world.Database);
        using var linked = new UpkeepWorld(link);
        Assert.Equal((link, world.LogLength), Assert.Single(linked.Find("WalSize")) is var f ? (f.Path, f.Size!.Value) : default);
        Assert.Equal(OptimizationStatus.Done, linked.Optimize(OptimizationStep.Checkpoint).Status);
        Assert.Equal(0, world.LogLength);
    }

    [Fact]
    public void A_slow_disk_is_told_by_the_median_of_its_writes()
    {
        SampleDatabase.Create(world.Database, 10, 4096, "delete");
        using var connection = world.Connect();
        var look = new Inspection(connection, DatabaseFile.Read(connection, world.Database, new LockTurns(TimeSpan.FromSeconds(1), default)), world.Database, null, default);
        Assert.Empty(OutgrownRules.WriteLatency(look, TimeSpan.FromMilliseconds(49)));
        var slow = Assert.Single(OutgrownRules.WriteLatency(look, TimeSpan.FromMilliseconds(75)));
        Assert.Equal((FindingSeverity.Warning, 1.5), (slow.Severity, slow.Ratio));
        Assert.Contains("takes 75 ms (median)", slow.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Measuring_the_disk_leaves_nothing()
    {
        Assert.NotNull(SyncProbe.Measure(world.Folder));
        Assert.Empty(Directory.EnumerateFileSystemEntries(world.Folder));
        Assert.Null(SyncProbe.Measure(Path.Combine(world.Folder, "nowhere")));
    }

    /// <summary>What another process gets for an answer.</summary>
    private string Ask(string sql)
    {
        using var shell = Process.Start(new ProcessStartInfo("sqlite3", [world.Database, sql]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var answer = shell.StandardOutput.ReadToEnd() + shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        return answer;
    }

    /// <summary>A shell inside a read transaction.</summary>
    private Process Shell()
    {
        var shell = Process.Start(new ProcessStartInfo("sqlite3", [world.Database]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        shell.StandardInput.WriteLine("BEGIN; SELECT count(*) FROM notes;");
        shell.StandardInput.Flush();
        Assert.Equal("100", shell.StandardOutput.ReadLine());
        return shell;
    }
}
