using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

/// <summary>SQL that a user asserts: all of it counts, and what asserts nothing is refused.</summary>
public sealed class AssertionTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("select 1", true)]
    [InlineData("select 1;  -- a comment\n", true)]
    [InlineData("create temp table t(a); select count(*) = 0 from t", true)]
    [InlineData("select 1; select 1", true)]
    [InlineData("select 1; select 0", false)]
    [InlineData("select 0; select 1", false)]
    [InlineData("select 1; select null", false)]
    [InlineData("select 1; select 1 where 0", false)]
    [InlineData("select '0'", false)]
    [InlineData("select '0.0'", false)]
    [InlineData("select 'false'", false)]
    [InlineData("select ' '", false)]
    [InlineData("select x''", false)]
    [InlineData("select x'00'", true)]
    [InlineData("select 0.0", false)]
    [InlineData("select 'ok'", true)]
    public void Every_statement_that_gives_a_value_counts(string sql, bool holds)
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        var test = repository.Drill(folder, snapshot, sql);
        Assert.Equal(holds, test.Passed);
        Assert.False(test.Damaged);
    }

    [Theory]
    [InlineData("create temp table t(a)")]
    [InlineData("-- select 1")]
    [InlineData("delete from notes; delete from users")]
    [InlineData("select 1; select nonsense from nowhere")]
    public void What_asserts_nothing_is_refused_and_not_recorded(string sql)
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => repository.Drill(folder, snapshot, sql)).Code);
        Assert.Empty(repository.Store.List("tests/"));
    }

    [PostgresFact]
    public void The_same_holds_for_every_type_of_PostgreSQL()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TYPE mood AS ENUM ('0', 'good'); CREATE TABLE t AS SELECT 1 AS a", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        string[] hold = ["select 1", "select 1; select 2", "set work_mem = '1MB'; select a from t", "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n", "select 'good'::mood", "select now()", "select array[0]", "select '1 day'::interval", "select point(0, 0)", "select '{}'::json", "select gen_random_uuid()", "select 'x'::\"char\"", "select row(1, 2); select true"];
        string[] fail = ["select 1; select 0", "select 0; select 1", "select 0::smallint", "select 0::real", "select 0::oid", "select 0::numeric", "select 0::money", "select '0'::mood", "select '0'::text", "select false", "select 'false'", "select ''::bytea", "select '{}'::int[]", "select '0'::interval", "select null", "select 1 where false", "select '0'::\"char\"", "select row(1, 2); select false", "select row(1, 2); select ''::bytea"];
        var test = repository.Drill(folder, snapshot, [.. hold, .. fail]);
        Assert.Equal(fail, test.Findings.Where(f => f.Rule == "AssertionFailed").Select(f => f.Message.Split("' gave ")[0].TrimStart('\'')));
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => repository.Drill(folder, snapshot, "set work_mem = '1MB'")).Code);
    }
}
