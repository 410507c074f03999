using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>What a base backup, its drill and a restore out of it say is so.</summary>
public sealed class BaseBackupTruthTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void A_function_that_finds_nothing_costs_one_check_and_no_table()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)'; CREATE FUNCTION known(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT plain($1)';
            CREATE TABLE indexed(a text); INSERT INTO indexed SELECT i FROM generate_series(1, 40) i; CREATE INDEX by_known ON indexed(known(a));
            CREATE MATERIALIZED VIEW seen AS SELECT a FROM indexed; CREATE INDEX ON seen(known(a));
            CREATE TABLE other AS SELECT generate_series(1, 30) AS a;
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        var drill = repository.Drill(folder, snapshot);
        Assert.True(drill is { Passed: true, Unproven: false, Rows: 70 }, string.Join('\n', drill.Findings));
        Assert.Contains(drill.Findings, f => f.Rule == "Unchecked" && f.Message.Contains("by_known", StringComparison.Ordinal) && f.Message.Contains("SET search_path", StringComparison.Ordinal));
        Assert.Contains(drill.Findings, f => f.Rule == "Unchecked" && f.Message.Contains("seen", StringComparison.Ordinal));
        Assert.NotEmpty(new SnapshotCatalog(repository).Find(snapshot.Id).Unchecked);

        repository.PlayBack(cluster, snapshot, new RestoreOptions { Database = "app", As = "back", ScratchFolder = folder["scratch"] });
        Assert.Equal(40, cluster.In<long>("back", "SELECT count(*) FROM indexed"));
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Database = "app", Table = "other", As = "other_before", ScratchFolder = folder["scratch"] });
        Assert.Equal(30, cluster.In<long>("app", "SELECT count(*) FROM other_before"));
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Database = "app", Table = "indexed", As = "indexed_before", ScratchFolder = folder["scratch"] });
        Assert.Equal(40, cluster.In<long>("app", "SELECT count(*) FROM indexed_before"));
    }

    [PostgresFact]
    public void Rows_of_unlogged_tables_are_not_in_it_and_that_is_told_everywhere()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE UNLOGGED TABLE cache AS SELECT generate_series(1, 20) AS a; CREATE TABLE kept AS SELECT generate_series(1, 30) AS a", "app");
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        var warning = Assert.Single(snapshot.Warnings);
        Assert.Contains("'app' has 1 unlogged table", warning, StringComparison.Ordinal);
        Assert.Contains("public.cache", warning, StringComparison.Ordinal);
        var drill = repository.Drill(folder, snapshot);
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
        Assert.Contains("public.cache", Assert.Single(drill.Findings).Message, StringComparison.Ordinal);

        foreach (var options in new[] { new RestoreOptions { As = "back" }, new RestoreOptions { Table = "cache", As = "cache_before" } })
        {
            var result = repository.PlayBack(cluster, snapshot, options with { Database = "app", ScratchFolder = folder["scratch"] });
            var lost = Assert.Single(result.Unrestored);
            Assert.Contains("UNLOGGED TABLE public.cache", lost.Name, StringComparison.Ordinal);
            Assert.Contains("-Method Logical", lost.Error, StringComparison.Ordinal);
        }

        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { Database = "app", Table = "kept", As = "kept_before", ScratchFolder = folder["scratch"] }).Unrestored);
        Assert.Contains(repository.Restore(snapshot, folder["back"]).Warnings, w => w.Contains("public.cache", StringComparison.Ordinal));
    }

    [PostgresFact]
    public void A_damaged_index_points_to_the_source()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE d(id int PRIMARY KEY); INSERT INTO d VALUES (1)");
        cluster.Execute("SET allow_system_table_mods = on; UPDATE pg_index SET indisready = false WHERE indexrelid = 'd_pkey'::regclass");
        cluster.Execute("INSERT INTO d VALUES (1)");
        cluster.Execute("UPDATE pg_index SET indisready = true WHERE indexrelid = 'd_pkey'::regclass");
        using var repository = Repositories.New(folder);
        var drill = repository.Drill(folder, BaseBackupTests.BackUp(repository, cluster));
        Assert.True(drill.Damaged);
        Assert.Contains("Test-Database", drill.Findings.Single(f => f.Rule == "IndexDamaged").Action, StringComparison.Ordinal);
    }
}
