using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Histories;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite.Upkeep;

/// <summary>What is found by what was remembered: the age of the last check, and growth.</summary>
public sealed class HistoryRuleTests : IDisposable
{
    private readonly UpkeepWorld world = new();

    public HistoryRuleTests() => SampleDatabase.Create(world.Database, 100, 4096, "delete");

    public void Dispose() => world.Dispose();

    [Fact]
    public void A_full_check_is_remembered_and_grows_old()
    {
        Assert.Equal(FindingSeverity.Information, Assert.Single(world.Find("Integrity")).Severity);
        world.Check(VerificationLevel.Quick);
        Assert.Single(world.Find("Integrity"));
        world.Check(VerificationLevel.Full);
        Assert.Empty(world.Find("Integrity"));
        Note("check", -31, true);
        var old = Assert.Single(world.Find("Integrity"));
        Assert.Equal((FindingSeverity.Warning, "The last full check is 31d 00h old."), (old.Severity, old.Message));
    }

    [Fact]
    public void A_check_that_did_not_pass_is_an_error_until_one_does()
    {
        using (var connection = world.Connect())
        {
            connection.Execute("PRAGMA foreign_keys = OFF; CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INT REFERENCES p); INSERT INTO c VALUES (1)");
        }

        world.Check(VerificationLevel.Full);
        var broken = Assert.Single(world.Find("Integrity"));
        Assert.Equal(FindingSeverity.Error, broken.Severity);
        Assert.Contains("foreign_key_check: 1 problem)", broken.Message, StringComparison.Ordinal);
        using (var connection = world.Connect())
        {
            connection.Execute("DELETE FROM c");
        }

        world.Check(VerificationLevel.Full);
        Assert.Empty(world.Find("Integrity"));
    }

    [Fact]
    public void Damage_that_was_found_is_remembered_though_nobody_waits_for_the_rest()
    {
        world.Check(VerificationLevel.Full);
        using (var connection = world.Connect())
        {
            connection.Execute("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 4), (2, 5); CREATE INDEX t_a ON t(a); CREATE INDEX t_b ON t(b)");
        }

        using (var connection = world.Connect())
        {
            connection.Execute("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = (SELECT sum(rootpage) FROM sqlite_schema WHERE tbl_name = 't' AND type = 'index') - rootpage WHERE tbl_name = 't' AND type = 'index'");
        }

        // As with Select-Object -First 1: whoever takes the results stops after the first.
        var target = new DatabaseTarget { Path = world.Database, HistoryFolder = world.History };
        Assert.Throws<InvalidOperationException>(() => DatabaseUpkeep.Check(target, VerificationLevel.Full, SilentSink.Instance, r => throw new InvalidOperationException(r.Check), default));
        Assert.Equal(FindingSeverity.Error, Assert.Single(world.Find("Integrity")).Severity);
    }

    [Fact]
    public void A_check_of_the_future_is_none()
    {
        Note("check", 365, true);
        Assert.Equal("No full check of this database is known here.", Assert.Single(world.Find("Integrity")).Message);
        Note("check", 366, false);
        Assert.StartsWith("The last full check, 0 ms ago, did not pass", Assert.Single(world.Find("Integrity")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Growth_is_told_from_a_week_of_looks_on()
    {
        world.Inspect();
        Assert.Empty(world.Find("Growth"));
        var (now, free) = (world.Length, new DriveInfo(world.Folder).AvailableFreeSpace);

        // So fast that the volume would be full in some ten days.
        for (var day = -8; day < 0; day++)
        {
            Note("size", day, size: now + (day * (free / 10.0)));
        }

        var growth = Assert.Single(world.Find("Growth"));
        Assert.Equal(FindingSeverity.Warning, growth.Severity);
        Assert.InRange(growth.Size!.Value, free / 12, free / 8);
        Assert.Contains("full in 10", growth.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_history_that_cannot_be_kept_holds_nothing_up()
    {
        File.WriteAllText(world.History, "no folder");
        Assert.Equal("No full check of this database is known here.", Assert.Single(world.Find("Integrity")).Message);
        Assert.All(world.Check(VerificationLevel.Full), r => Assert.True(r.Passed));
    }

    private void Note(string kind, int days, bool? passed = null, double? size = null)
    {
        var at = DateTimeOffset.UtcNow.AddDays(days);
        var key = $"{kind} {world.Database}";
        new HistoryFolder<DatabaseEntry>(world.History, DatabaseEntry.Format).Append(key, _ => new DatabaseEntry { At = at, Size = (long?)size, Passed = passed }, default);
    }
}
