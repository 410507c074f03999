using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>What is shown of other people's statements: their shape, and not their data.</summary>
public sealed class StatementTests
{
    [Theory]
    [InlineData("SELECT *\n  FROM notes\tWHERE id = 5", "SELECT * FROM notes WHERE id = 5")]
    [InlineData("SELECT * FROM users WHERE mail = 'a@b.c' AND name = 'O''Hara' AND age > 5", "SELECT * FROM users WHERE mail = '…' AND name = '…' AND age > 5")]
    [InlineData("SELECT E'it\\'s hidden', 1", "SELECT '…', 1")]
    [InlineData("SELECT $$it's hidden$$, $tag$so $$ is this$tag$, $1", "SELECT '…', '…', $1")]
    [InlineData("INSERT INTO t VALUES ('cut off in the mid", "INSERT INTO t VALUES ('…'")]
    [InlineData("DO $$ cut off 'in the", "DO '…'")]
    [InlineData("ALTER ROLE app PASSWORD 'hush'", "ALTER ROLE app password …")]
    [InlineData(null, "")]
    public void Texts_are_hidden(string? sql, string shown) => Assert.Equal(shown, Statement.Show(sql));

    [Fact]
    public void A_long_one_is_cut_and_a_hostile_one_costs_no_time()
    {
        Assert.Equal(200, Statement.Show(new string('x', 5000)).Length);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        _ = Statement.Show(string.Concat(Enumerable.Range(0, 50_000).Select(i => $"$a{i}$ E'\\")));
        _ = Statement.Show(new string('\'', 500_001));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"{watch.Elapsed}");
    }
}
