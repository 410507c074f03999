using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite.Upkeep;

/// <summary>What each check finds, and what only the other one does.</summary>
public sealed class IntegrityCheckTests : IDisposable
{
    private readonly UpkeepWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void A_sound_database_passes_each_check()
    {
        SampleDatabase.Create(world.Database, 100);
        var quick = Assert.Single(world.Check(VerificationLevel.Quick));
        Assert.Equal(("quick_check", true, 3L), (quick.Check, quick.Passed, quick.Objects));
        var full = world.Check(VerificationLevel.Full);
        Assert.Equal(["integrity_check", "foreign_key_check"], full.Select(r => r.Check));
        Assert.All(full, r => Assert.Equal((true, 0L, ""), (r.Passed, r.ProblemCount, r.Reason)));
    }

    [Fact]
    public void Zeroed_pages_are_found_by_both()
    {
        SampleDatabase.Create(world.Database, 2000, 4096, "delete");
        Overwrite(40 * 4096, new byte[20 * 4096]);
        Assert.False(Assert.Single(world.Check(VerificationLevel.Quick)).Passed);
        var full = world.Check(VerificationLevel.Full)[0];
        Assert.False(full.Passed);
        Assert.InRange(full.ProblemCount, 1, 10_000);
        Assert.InRange(full.Problems.Count, 1, 100);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    public void A_file_that_no_longer_opens_is_a_result(int from)
    {
        SampleDatabase.Create(world.Database, 100, 4096, "delete");
        Overwrite(from, new byte[300]);
        foreach (var result in world.Check(VerificationLevel.Full))
        {
            // What SQLite refuses as damaged was found to be damaged, and not left unchecked.
            Assert.False(result.Passed);
            Assert.Equal("", result.Reason);
            Assert.NotEmpty(result.Problems);
        }
    }

    [Fact]
    public void A_file_that_ends_within_a_page_is_found()
    {
        world.Create("CREATE TABLE doc(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO doc(body) VALUES (hex(zeroblob(30000)))");
        using (var file = File.OpenWrite(world.Database))
        {
            file.SetLength(file.Length - 3500);
        }

        foreach (var level in new[] { VerificationLevel.Quick, VerificationLevel.Full })
        {
            Assert.Contains("cut short", Assert.Single(world.Check(level)[0].Problems), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Missing_index_rows_are_found_by_the_full_check_alone_and_mended_by_a_rebuild()
    {
        // Each index gets the other one's pages: as many entries, of other rows.
        world.Create("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 4), (2, 5), (3, 6); CREATE INDEX t_a ON t(a); CREATE INDEX t_b ON t(b)");
        using (var connection = world.Connect())
        {
            connection.Execute("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = (SELECT sum(rootpage) FROM sqlite_schema WHERE type = 'index') - rootpage WHERE type = 'index'");
        }

        Assert.True(Assert.Single(world.Check(VerificationLevel.Quick)).Passed);
        var full = world.Check(VerificationLevel.Full)[0];
        Assert.False(full.Passed);
        Assert.Contains(full.Problems, p => p.Contains("missing from index t_a", StringComparison.Ordinal));
        Assert.All(world.Optimize(new OptimizationRequest { Steps = [OptimizationStep.Reindex], Force = true }), r => Assert.Equal(OptimizationStatus.Done, r.Status));
        Assert.All(world.Check(VerificationLevel.Full), r => Assert.True(r.Passed));
    }

    [Fact]
    public void Broken_foreign_keys_are_counted_and_the_first_are_told()
    {
        world.Create($"CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p); PRAGMA foreign_keys = OFF; {UpkeepWorld.Numbers(250)} INSERT INTO c SELECT i, i FROM n");
        var results = world.Check(VerificationLevel.Full);
        Assert.True(results[0].Passed);
        Assert.Equal((false, 250L, 100), (results[1].Passed, results[1].ProblemCount, results[1].Problems.Count));
        Assert.Equal("Row 1 of table 'c' points to a row of 'p' that does not exist.", results[1].Problems[0]);
    }

    [Fact]
    public void A_locked_database_could_not_be_checked()
    {
        SampleDatabase.Create(world.Database, 10, 4096, "delete");
        using var other = world.Connect();
        other.Execute("BEGIN EXCLUSIVE");
        var result = Assert.Single(world.Check(VerificationLevel.Quick));
        Assert.False(result.Passed);
        Assert.Contains("locked", result.Reason, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.DatabaseBusy, Assert.Throws<MaintenanceException>(() => world.Inspect()).Code);
    }

    [Fact]
    public void A_missing_file_is_an_error_and_is_not_made()
    {
        Assert.Equal(ErrorCode.PathNotFound, Assert.Throws<MaintenanceException>(() => world.Check(VerificationLevel.Quick)).Code);
        Assert.Equal(ErrorCode.PathNotFound, Assert.Throws<MaintenanceException>(() => world.Inspect()).Code);
        Assert.False(File.Exists(world.Database));
    }

    [Fact]
    public void A_cancelled_check_ends_soon()
    {
        // Some milliseconds a row, many seconds in all: a cancellation that comes late on a busy machine still finds it running.
        world.Create($"PRAGMA ignore_check_constraints = ON; CREATE TABLE slow(id INTEGER PRIMARY KEY CHECK(length(hex(zeroblob(1000000 + id))) > 0)); {UpkeepWorld.Numbers(20_000)} INSERT INTO slow SELECT i FROM n");
        Promptly.Ends(() =>
        {
            using var stop = new CancellationTokenSource();
            var watch = Stopwatch.StartNew();
            var cancelledAt = UpkeepWorld.CancelSoon(stop, watch);
            Assert.ThrowsAny<OperationCanceledException>(() => DatabaseUpkeep.Check(new DatabaseTarget { Path = world.Database }, VerificationLevel.Full, SilentSink.Instance, _ => { }, stop.Token));
            return watch.Elapsed - cancelledAt();
        });
    }

    private void Overwrite(long offset, byte[] bytes)
    {
        using var file = File.OpenWrite(world.Database);
        file.Position = offset;
        file.Write(bytes);
    }
}
