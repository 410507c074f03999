using System.Net;
using System.Text.Json;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>Who may see what, how it is said, and that no password is.</summary>
[Collection(UpkeepCollection.Name)]
public sealed class RightsTests(UpkeepWorld world)
{
    private const string Password = "tr0ub4dor & 'quote';";

    [PostgresFact]
    public void A_role_that_only_monitors_sees_all_and_one_with_nothing_is_told_what_it_lacks()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE ROLE watcher LOGIN; GRANT pg_monitor TO watcher; CREATE ROLE \"No Body\" LOGIN; CREATE EXTENSION pg_stat_statements");
        database.Execute("CREATE TABLE dead(id int); INSERT INTO dead SELECT generate_series(1, 1000)");
        var seen = database.Inspect(connection: database.Connection.Replace("Username=postgres", "Username=watcher", StringComparison.Ordinal));
        Assert.DoesNotContain(seen, f => f.Rule == "NotLookedAt");
        Assert.Contains(seen, f => f is { Rule: "StaleStatistics", Object: "public.dead" });
        Assert.Contains(seen, f => f.Rule == "SlowStatement");

        // Sequences are told to those who may read them, which monitoring alone is not.
        database.Execute("CREATE SEQUENCE hidden");
        var sequence = Assert.Single(database.Inspect(connection: database.Connection.Replace("Username=postgres", "Username=watcher", StringComparison.Ordinal)), f => f.Rule == "NotLookedAt");
        Assert.Equal(("SequenceNearEnd", "GRANT pg_read_all_data TO watcher;"), (sequence.Object, sequence.Sql));
        Assert.Contains("public.hidden", sequence.Message, StringComparison.Ordinal);
        database.Execute("GRANT pg_read_all_data TO watcher; SELECT setval('hidden', 9000000000000000000)");
        Assert.Contains(database.Inspect(connection: database.Connection.Replace("Username=postgres", "Username=watcher", StringComparison.Ordinal)), f => f is { Rule: "SequenceNearEnd", Object: "public.hidden" });
        database.Execute("DROP SEQUENCE hidden");

        var blind = database.Inspect(connection: database.Connection.Replace("Username=postgres", "Username=No Body", StringComparison.Ordinal));
        Assert.Contains(blind, f => f is { Rule: "StaleStatistics", Object: "public.dead" });
        var refused = blind.Where(f => f.Rule == "NotLookedAt").ToList();
        Assert.Equal(["Blocking", "LongTransaction", "ReplicationLag", "SlowStatement", "WalSize"], refused.Select(f => f.Object).Order());
        Assert.All(refused, f => Assert.Equal(FindingSeverity.Information, f.Severity));
        Assert.All(refused, f => Assert.Equal("GRANT pg_monitor TO \"No Body\";", f.Sql));

        // What it may not mend fails or is refused in words, and is never called done.
        using var upkeep = database.Upkeep(connection: database.Connection.Replace("Username=postgres", "Username=No Body", StringComparison.Ordinal));
        foreach (var step in new[] { OptimizationStep.Vacuum, OptimizationStep.Analyze, OptimizationStep.VacuumFull })
        {
            var task = new OptimizationTask { Step = step, Object = "public.dead", Sql = step switch { OptimizationStep.Vacuum => "VACUUM public.dead", OptimizationStep.Analyze => "ANALYZE public.dead", _ => "VACUUM (FULL, SKIP_LOCKED) public.dead" } };
            var result = upkeep.Carry(task, default, default);
            Assert.Equal(OptimizationStatus.Failed, result.Status);
            Assert.Contains("dead", result.Reason, StringComparison.Ordinal);
        }

        // Without amcheck there is no check; with it, this role may not run it.
        Assert.Contains("CREATE EXTENSION amcheck", database.Check(VerificationLevel.Quick)[0].Reason, StringComparison.Ordinal);
        database.Execute("CREATE EXTENSION amcheck");
        var check = upkeep.Check(VerificationLevel.Quick, default).First();
        Assert.False(check.Passed);
        Assert.Contains("may not run bt_index_check", check.Reason, StringComparison.Ordinal);
    }

    [PostgresFact]
    public void Names_of_any_kind_are_written_as_sql_takes_them()
    {
        var database = world.NewDatabase("Ünï \"quoted\" 'db'");
        database.Execute(""""
            CREATE SCHEMA "My ""Schema""";
            CREATE TABLE "My ""Schema"""."Tàble; DROP TABLE x"("Ïd" int, key text);
            CREATE INDEX "Indéx ""1""" ON "My ""Schema"""."Tàble; DROP TABLE x"("Ïd");
            INSERT INTO "My ""Schema"""."Tàble; DROP TABLE x" SELECT i, 'x' FROM generate_series(1, 80000) i;
            DELETE FROM "My ""Schema"""."Tàble; DROP TABLE x" WHERE "Ïd" % 10 <> 0;
            """");
        const string Table = "\"My \"\"Schema\"\"\".\"Tàble; DROP TABLE x\"";
        var limits = new UpkeepLimits { BloatSize = 1 << 20 };
        Assert.Contains(database.Inspect(limits), f => f is { Rule: "DeadRows", Object: Table, Sql: $"VACUUM {Table}" });
        Assert.All(database.Optimize(OptimizationStep.Vacuum), r => Assert.Equal(OptimizationStatus.Done, r.Status));
        Assert.All(database.Optimize(OptimizationStep.Analyze), r => Assert.Equal(OptimizationStatus.Done, r.Status));
        var index = Assert.Single(database.Inspect(limits), f => f.Rule == "IndexBloat");
        Assert.Equal("\"My \"\"Schema\"\"\".\"Indéx \"\"1\"\"\"", index.Object);
        var rebuilt = Assert.Single(database.Optimize(OptimizationStep.Reindex, limits: limits));
        Assert.True(rebuilt.Status == OptimizationStatus.Done, rebuilt.Reason);
        Assert.True(rebuilt.Reclaimed > 1 << 20, rebuilt.ToString());
        Assert.DoesNotContain(database.Inspect(limits), f => f.Rule is "DeadRows" or "IndexBloat" or "StaleStatistics");
    }

    [PostgresFact]
    public void A_password_goes_on_with_a_finding_and_is_in_none_of_its_words()
    {
        var database = world.NewDatabase();
        database.Execute($"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{Password.Replace("'", "''", StringComparison.Ordinal)}'");
        var place = $"Host={world.Cluster.Folder};Database={database.Query<string>("SELECT current_database()")}";
        using (var upkeep = database.Upkeep(connection: place, credential: new NetworkCredential("guarded", Password)))
        {
            Safe([.. upkeep.Inspect(default)]);
        }

        Safe(database.Inspect(connection: $"{place};Username=guarded;Password=\"{Password}\""));
        Safe(database.Inspect(connection: $"postgresql://guarded:{Uri.EscapeDataString(Password)}@/{database.Query<string>("SELECT current_database()")}?host={world.Cluster.Folder}"));

        static void Safe(List<DatabaseFinding> findings)
        {
            Assert.NotEmpty(findings);
            Assert.All(findings, f => Assert.Equal(Password, f.Password));
            Assert.All(findings, f => Assert.StartsWith("postgresql://guarded@/", f.ConnectionString!, StringComparison.Ordinal));
            Assert.All(findings, f => Assert.DoesNotContain("tr0ub4dor", JsonSerializer.Serialize(f) + f, StringComparison.Ordinal));
            Assert.All(findings, f => Assert.DoesNotContain("guarded", f.Database, StringComparison.Ordinal));
        }
    }

    [PostgresFact]
    public void What_postgresql_does_not_have_is_said_so()
    {
        var database = world.NewDatabase();
        using var upkeep = database.Upkeep();
        foreach (var step in new[] { OptimizationStep.Checkpoint, OptimizationStep.Incremental })
        {
            var error = Assert.Throws<MaintenanceException>(() => upkeep.Plan(step, default));
            Assert.Equal(ErrorCode.InvalidArgument, error.Code);
            Assert.Contains("Vacuum", error.Message, StringComparison.Ordinal);
        }
    }
}
