using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite.Upkeep;

/// <summary>Rewriting a file and giving pages back: the file shrinks, the content stays, users are left in peace.</summary>
public sealed class VacuumTests : IDisposable
{
    private readonly UpkeepWorld world = new();

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void Vacuum_shrinks_the_file(string journalMode)
    {
        world.CreateWithHoles(100, 8, journalMode);

        // An idle connection of the application's is not in the way.
        using var application = world.Connect();
        _ = application.Scalar<long>("SELECT count(*) FROM kept");
        var result = Assert.Single(world.Optimize(new OptimizationRequest { Findings = world.Inspect() }));
        Assert.Equal((OptimizationStatus.Done, ""), (result.Status, result.Reason));
        Assert.InRange(result.Reclaimed!.Value, 75_000_000, 85_000_000);
        Assert.InRange(world.Length, 15_000_000, 25_000_000);
        Assert.Equal(0, world.LogLength);
        Assert.Equal(journalMode, application.Scalar<string>("PRAGMA journal_mode"));
        world.AssertWhole();
    }

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void A_database_that_is_replaced_meanwhile_was_not_rewritten(string journalMode)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        world.CreateWithHoles(2, 5, journalMode);
        var told = 0;
        var sink = new Postgres.Upkeep.ProgressSink(() =>
        {
            // First that the task begins, then that the file is rewritten.
            if (++told == 2)
            {
                File.Move(world.Database, world.Database + ".gone");
                File.Copy(world.Database + ".gone", world.Database);
            }
        });
        var result = Assert.Single(world.Optimize(new OptimizationRequest { Steps = [OptimizationStep.Vacuum], Force = true }, sink));
        Assert.Equal(2, told);
        Assert.Equal(OptimizationStatus.Failed, result.Status);
        Assert.Contains("replaced meanwhile", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Vacuum_that_does_not_pay_is_left_out_unless_forced()
    {
        world.CreateWithHoles(10, 8);
        var result = world.Optimize(OptimizationStep.Vacuum);
        Assert.Equal(OptimizationStatus.Skipped, result.Status);
        Assert.Contains("pays from 20 % and 64.0 MiB", result.Reason, StringComparison.Ordinal);
        Assert.Equal(OptimizationStatus.Done, world.Optimize(OptimizationStep.Vacuum, force: true).Status);
        Assert.InRange(world.Length, 1_000_000, 3_000_000);
    }

    [Theory]
    [InlineData("wal", "BEGIN; SELECT count(*) FROM kept")]
    [InlineData("wal", "BEGIN IMMEDIATE; INSERT INTO kept(body) VALUES('x')")]
    [InlineData("delete", "BEGIN; SELECT count(*) FROM kept")]
    [InlineData("delete", "BEGIN IMMEDIATE")]
    public void A_database_in_use_is_left_alone(string journalMode, string use)
    {
        world.CreateWithHoles(5, 8, journalMode);
        using var application = world.Connect();
        application.Execute(use);
        _ = application.Scalar<long>("SELECT count(*) FROM kept");
        var before = world.Length;
        var result = world.Optimize(OptimizationStep.Vacuum, force: true);
        Assert.Equal(OptimizationStatus.Skipped, result.Status);
        Assert.Null(result.SizeAfter);
        Assert.Equal((before, 0), (world.Length, world.LogLength / 1_000_000));
        application.Execute("ROLLBACK");
        Assert.Equal(OptimizationStatus.Done, world.Optimize(OptimizationStep.Vacuum, force: true).Status);
        world.AssertWhole();
    }

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void A_cancelled_vacuum_ends_soon_and_leaves_the_database_as_it_was(string journalMode)
    {
        world.Create($"PRAGMA journal_mode = OFF; CREATE TABLE kept(id INTEGER PRIMARY KEY, body TEXT); {UpkeepWorld.Numbers(500)} INSERT INTO kept SELECT i, 'body ' || i FROM n; CREATE TABLE big(id INTEGER PRIMARY KEY, content BLOB); {UpkeepWorld.Numbers(200_000)} INSERT INTO big SELECT i, zeroblob(1000) FROM n");
        world.Create($"PRAGMA journal_mode = {journalMode}");
        var before = world.Length;
        Promptly.Ends(() =>
        {
            using var stop = new CancellationTokenSource();
            var watch = Stopwatch.StartNew();
            var sink = new CancelWhenRewriting(stop, watch);
            Assert.ThrowsAny<OperationCanceledException>(() => world.Optimize(new OptimizationRequest { Steps = [OptimizationStep.Vacuum], Force = true }, sink, stop.Token));
            var took = watch.Elapsed - sink.CancelledAt();
            Assert.Equal(before, world.Length);
            Assert.False(File.Exists(world.Database + "-journal"));
            return took;
        });
        world.AssertWhole();
    }

    /// <summary>At the end of a rewrite SQLite copies all new pages into the log and looks for no interruption.</summary>
    [Fact]
    public void A_vacuum_that_is_cancelled_while_it_copies_ends_soon_and_leaves_nothing()
    {
        world.Create($"PRAGMA journal_mode = OFF; CREATE TABLE kept(id INTEGER PRIMARY KEY, body TEXT); {UpkeepWorld.Numbers(500)} INSERT INTO kept SELECT i, 'body ' || i FROM n; CREATE TABLE big(id INTEGER PRIMARY KEY, content BLOB); {UpkeepWorld.Numbers(300_000)} INSERT INTO big SELECT i, randomblob(1000) FROM n");
        world.Create("PRAGMA journal_mode = wal");
        using var application = world.Connect();
        Assert.Equal(500, application.Scalar<long>("SELECT count(*) FROM kept"));
        var before = world.Length;
        Promptly.Ends(() =>
        {
            using var stop = new CancellationTokenSource();
            var watch = Stopwatch.StartNew();
            var cancelledAt = TimeSpan.Zero;
            var copying = new Thread(() =>
            {
                SpinWait.SpinUntil(() => world.LogLength > 1_000_000, TimeSpan.FromMinutes(1));
                cancelledAt = watch.Elapsed;
                stop.Cancel();
            });
            copying.Start();
            Assert.ThrowsAny<OperationCanceledException>(() => world.Optimize(new OptimizationRequest { Steps = [OptimizationStep.Vacuum], Force = true }, null, stop.Token));
            var took = watch.Elapsed - cancelledAt;
            copying.Join();
            Assert.Equal((before, 0), (world.Length, world.LogLength));
            return took;
        });
        Assert.Equal(500, application.Scalar<long>("SELECT count(*) FROM kept WHERE body = 'body ' || id"));
        application.Execute("INSERT INTO kept(id, body) VALUES (501, 'later'); DELETE FROM kept WHERE id = 501");
        world.AssertWhole();
        Assert.Equal(OptimizationStatus.Done, world.Optimize(OptimizationStep.Vacuum, force: true).Status);
        world.AssertWhole();
    }

    [PeerFact("sqlite3")]
    public void While_a_program_has_it_open_it_is_rewritten_only_by_name()
    {
        world.CreateWithHoles(100, 8);
        using var shell = Process.Start(new ProcessStartInfo("sqlite3", [world.Database]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            shell.StandardInput.WriteLine("SELECT count(*) FROM kept;");
            shell.StandardInput.Flush();
            Assert.Equal("500", shell.StandardOutput.ReadLine());
            var findings = world.Inspect();
            Assert.Contains(findings, f => f.Action == OptimizationStep.Vacuum);
            foreach (var request in (OptimizationRequest[])[new() { Findings = findings }, new()])
            {
                var left = Assert.Single(world.Optimize(request), r => r.Step == OptimizationStep.Vacuum);
                Assert.Equal(OptimizationStatus.Skipped, left.Status);
                Assert.Contains($"sqlite3 ({shell.Id}) has the database open. Name the step Vacuum", left.Reason, StringComparison.Ordinal);
            }

            Assert.InRange(world.Length, 90_000_000, 110_000_000);
            Assert.Equal(OptimizationStatus.Done, world.Optimize(OptimizationStep.Vacuum).Status);
            Assert.InRange(world.Length, 15_000_000, 25_000_000);
        }
        finally
        {
            shell.Kill();
            shell.WaitForExit();
        }
    }

    [Fact]
    public void A_time_limit_undoes_what_it_cuts_short()
    {
        world.CreateWithHoles(100, 8);
        var result = Assert.Single(world.Optimize(new OptimizationRequest { Steps = [OptimizationStep.Vacuum], TimeLimit = TimeSpan.FromMilliseconds(1) }));
        Assert.Equal(OptimizationStatus.Deferred, result.Status);
        world.AssertWhole();
    }

    [Theory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void Incremental_vacuum_gives_every_free_page_back(string journalMode)
    {
        world.CreateWithHoles(100, 8, journalMode, autoVacuum: 2);
        using var application = world.Connect();
        var result = Assert.Single(world.Optimize(new OptimizationRequest { Findings = world.Inspect() }));
        Assert.Equal((OptimizationStep.Incremental, OptimizationStatus.Done, ""), (result.Step, result.Status, result.Reason));
        Assert.InRange(world.Length, 15_000_000, 25_000_000);
        Assert.Equal(0, application.Scalar<long>("PRAGMA freelist_count"));
        world.AssertWhole();
        Assert.Contains("No page is free", world.Optimize(OptimizationStep.Incremental).Reason, StringComparison.Ordinal);
        Assert.Equal(OptimizationStatus.Skipped, world.Optimize(OptimizationStep.Vacuum).Status);
    }

    [Fact]
    public void Incremental_vacuum_beside_a_writer_lets_it_write()
    {
        world.CreateWithHoles(60, 8, "wal", autoVacuum: 2);
        using var stop = new CancellationTokenSource();
        var written = 0;
        var writing = new Thread(() =>
        {
            using var writer = SqliteConnections.OpenBeside(world.Database);
            writer.Execute("PRAGMA synchronous = OFF");
            for (; !stop.IsCancellationRequested; written++)
            {
                writer.Execute("UPDATE files SET content = zeroblob(100000) WHERE id = 19");
            }
        });
        writing.Start();
        var result = world.Optimize(OptimizationStep.Incremental);
        stop.Cancel();
        writing.Join();
        Assert.Equal(OptimizationStatus.Done, result.Status);
        Assert.InRange(written, 5, int.MaxValue);
        world.AssertWhole();
    }

    [Fact]
    public void Incremental_vacuum_of_a_database_that_is_not_set_for_it_says_how_to_set_it()
    {
        world.CreateWithHoles(5, 8);
        foreach (var force in (bool[])[false, true])
        {
            var result = world.Optimize(OptimizationStep.Incremental, force);
            Assert.Equal(OptimizationStatus.Skipped, result.Status);
            Assert.Contains("PRAGMA auto_vacuum = 2; VACUUM", result.Reason, StringComparison.Ordinal);
        }
    }

    [FullVolumeTheory]
    [InlineData("wal")]
    [InlineData("delete")]
    public void Without_room_for_it_no_rewrite_is_begun(string journalMode)
    {
        using var volume = new FullVolume(150);
        using var full = new UpkeepWorld(volume["app.db"]);
        full.CreateWithHoles(100, 8, journalMode);
        volume.FillUp(leave: 10_000_000);
        var result = Assert.Single(full.Optimize(new OptimizationRequest { Steps = [OptimizationStep.Vacuum] }));
        Assert.Equal(OptimizationStatus.Failed, result.Status);
        Assert.Contains("free and", result.Reason, StringComparison.Ordinal);
        Assert.Equal("VolumeSpace", Assert.Single(full.Inspect(), f => f.Rule == "VolumeSpace").Rule);
        full.AssertWhole();
    }

    [FullVolumeTheory]
    [InlineData(OptimizationStep.Vacuum)]
    [InlineData(OptimizationStep.Analyze)]
    public void A_volume_that_cannot_be_written_is_a_result(OptimizationStep step)
    {
        using var volume = new FullVolume(64);
        using var full = new UpkeepWorld(volume["app.db"]);
        full.CreateWithHoles(2, 8, "delete");
        volume.MakeReadOnly();
        var result = full.Optimize(step, force: true);
        Assert.Equal(OptimizationStatus.Failed, result.Status);
        Assert.Contains("may not write", result.Reason, StringComparison.Ordinal);
        Assert.Contains("ok", full.Check(VerificationLevel.Quick).Select(r => r.Passed ? "ok" : r.Reason));
        Assert.Empty(full.Find("LockWaits"));
    }

    /// <summary>Cancels a little after the rewriting has begun.</summary>
    private sealed class CancelWhenRewriting(CancellationTokenSource stop, Stopwatch watch) : IOperationSink
    {
        public Func<TimeSpan> CancelledAt { get; private set; } = () => TimeSpan.Zero;

        public void Progress(string activity, long done, long total, string? unit = null)
        {
            if (activity.StartsWith("Rewriting", StringComparison.Ordinal))
            {
                CancelledAt = UpkeepWorld.CancelSoon(stop, watch);
            }
        }

        public void Warn(string message)
        {
        }

        public void Inform(string message)
        {
        }
    }
}
