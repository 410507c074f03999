using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>Each rule speaks when it is provoked, and is silent about a database that is in shape.</summary>
[Collection(UpkeepCollection.Name)]
public sealed class InspectionTests(UpkeepWorld world)
{
    private static readonly UpkeepLimits Small = new() { BloatSize = 1 << 20, UnusedAfter = TimeSpan.Zero, UnusedSize = 0, ForeignKeyTableSize = 8192 };

    [PostgresFact]
    public void A_database_in_shape_has_only_what_is_worth_knowing()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE EXTENSION pg_stat_statements; CREATE EXTENSION pgstattuple;
            CREATE TABLE notes(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text, body text, at timestamptz DEFAULT now());
            CREATE INDEX notes_key ON notes(key);
            INSERT INTO notes(key, body) SELECT md5(i::text), repeat('x', i % 200) FROM generate_series(1, 100000) i;
            """);
        database.Execute("VACUUM ANALYZE notes");
        var findings = database.Inspect(Small with { UnusedAfter = TimeSpan.FromDays(30) });
        Assert.All(findings, f => Assert.Contains(f.Rule, new[] { "TopRelation", "SlowStatement", "Setting" }));
        Assert.Contains(findings, f => f is { Rule: "TopRelation", Object: "public.notes", Severity: FindingSeverity.Information } && f.Size > 1 << 20);
        Assert.All(findings, f => Assert.Null(f.Action));
        var statements = findings.Where(f => f.Rule == "SlowStatement").ToList();
        Assert.InRange(statements.Count, 1, 5);
        Assert.All(statements, s => Assert.DoesNotContain('\n', s.Message));
    }

    [PostgresFact]
    public void Dead_rows_new_rows_and_old_statistics_are_seen_by_autovacuums_own_figures()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE dead(id int); INSERT INTO dead SELECT generate_series(1, 1000); 
            CREATE TABLE patient(id int) WITH (autovacuum_vacuum_threshold = 5000, autovacuum_analyze_threshold = 100000, autovacuum_vacuum_insert_threshold = -1); INSERT INTO patient SELECT generate_series(1, 1000);
            CREATE TABLE forgotten(id int) WITH (autovacuum_enabled = off); INSERT INTO forgotten SELECT generate_series(1, 1000);
            CREATE TABLE fresh(id int); INSERT INTO fresh SELECT generate_series(1, 3000);
            """);
        database.Execute("VACUUM ANALYZE dead");
        database.Execute("VACUUM ANALYZE patient");
        database.Execute("VACUUM ANALYZE forgotten");
        database.Execute("DELETE FROM dead WHERE id <= 300; DELETE FROM patient WHERE id <= 300; DELETE FROM forgotten WHERE id <= 300");
        var findings = database.Inspect();
        var dead = findings.Where(f => f.Rule == "DeadRows").ToDictionary(f => f.Object);
        Assert.Equal(["public.dead", "public.forgotten"], dead.Keys.Order());
        Assert.Equal(OptimizationStep.Vacuum, dead["public.dead"].Action);
        Assert.Equal("VACUUM public.dead", dead["public.dead"].Sql);
        Assert.Equal(0.3, dead["public.dead"].Ratio!.Value, 2);
        Assert.Contains("300 dead rows beside 700 live ones; autovacuum acts above 250", dead["public.dead"].Message, StringComparison.Ordinal);
        Assert.Contains("switched off", dead["public.forgotten"].Advice, StringComparison.Ordinal);
        Assert.Contains(findings, f => f is { Rule: "InsertedRows", Object: "public.fresh", Action: OptimizationStep.Vacuum });
        Assert.Contains(findings, f => f is { Rule: "StaleStatistics", Object: "public.fresh", Severity: FindingSeverity.Warning, Action: OptimizationStep.Analyze } && f.Message.Contains("never", StringComparison.Ordinal));
        Assert.Contains(findings, f => f is { Rule: "StaleStatistics", Object: "public.dead", Severity: FindingSeverity.Information });
        Assert.DoesNotContain(findings, f => f.Object == "public.patient" && f.Action is not null);
    }

    [PostgresFact]
    public void Bloat_is_estimated_and_measured_where_the_extension_is()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE airy(id int, key text, body text); CREATE INDEX airy_id ON airy(id); CREATE INDEX airy_lower ON airy(lower(key));
            INSERT INTO airy SELECT i, md5(i::text), repeat('x', 50) FROM generate_series(1, 150000) i;
            CREATE TABLE "dense"(id bigint, at timestamptz, flag bool, body text); CREATE INDEX dense_id ON dense(id);
            INSERT INTO dense SELECT i, now(), true, repeat('y', 40) FROM generate_series(1, 100000) i;
            DELETE FROM airy WHERE id % 10 <> 0;
            """);
        database.Execute("VACUUM ANALYZE airy");
        database.Execute("VACUUM ANALYZE dense");
        foreach (var measured in new[] { false, true })
        {
            var findings = database.Inspect(Small);
            var table = Assert.Single(findings, f => f.Rule == "TableBloat");
            Assert.Equal("public.airy", table.Object);
            Assert.InRange(table.Ratio!.Value, 0.85, 0.95);
            Assert.Null(table.Action);
            Assert.Contains("VACUUM (FULL) public.airy", table.Advice, StringComparison.Ordinal);
            var indexes = findings.Where(f => f.Rule == "IndexBloat").ToDictionary(f => f.Object);
            Assert.Equal(["public.airy_id", "public.airy_lower"], indexes.Keys.Order());
            Assert.All(indexes.Values, i => Assert.InRange(i.Ratio!.Value, 0.8, 0.95));
            Assert.Equal("REINDEX INDEX CONCURRENTLY public.airy_id", indexes["public.airy_id"].Sql);
            Assert.Equal(OptimizationStep.Reindex, indexes["public.airy_id"].Action);
            Assert.InRange(indexes["public.airy_id"].Gain!.Value, 2 << 20, 4 << 20);
            Assert.Equal(measured, !indexes["public.airy_id"].Message.Contains("estimate", StringComparison.Ordinal));
            database.Execute("CREATE EXTENSION IF NOT EXISTS pgstattuple");
        }
    }

    [PostgresFact]
    public void Indexes_that_nobody_needs_and_that_are_missing_are_told_and_left_alone()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE parent(a int, b int, UNIQUE (a, b));
            CREATE TABLE child(id int PRIMARY KEY, a int, b int, note text, FOREIGN KEY (a, b) REFERENCES parent(a, b));
            CREATE TABLE served(id int, a int, b int, FOREIGN KEY (a, b) REFERENCES parent(a, b)); CREATE INDEX served_fk ON served(b, a, id);
            INSERT INTO parent SELECT i, i FROM generate_series(1, 1000) i;
            INSERT INTO child SELECT i, i, i, 'x' FROM generate_series(1, 1000) i;
            INSERT INTO served SELECT i, i, i FROM generate_series(1, 1000) i;
            CREATE INDEX note1 ON child(note); CREATE INDEX note2 ON child(note); CREATE INDEX note_desc ON child(note DESC);
            CREATE INDEX note_some ON child(note) WHERE a > 5; CREATE UNIQUE INDEX child_again ON child(id);
            """);
        database.Execute("CREATE TABLE alike(a int, b text); CREATE INDEX some1 ON alike(b) WHERE a > 5; CREATE INDEX some2 ON alike(b) WHERE a > 5; CREATE INDEX some3 ON alike(b) WHERE a > 6; CREATE INDEX low1 ON alike(lower(b)); CREATE INDEX low2 ON alike(lower(b)); CREATE INDEX up ON alike(upper(b))");
        database.Execute("VACUUM ANALYZE");
        var findings = database.Inspect(Small);
        Assert.Equal(["public.child_again", "public.low2", "public.note2", "public.some2"], findings.Where(f => f.Rule == "DuplicateIndex").Select(f => f.Object).Order(StringComparer.Ordinal));
        Assert.Contains(findings, f => f is { Rule: "DuplicateIndex", Object: "public.child_again", Sql: "DROP INDEX CONCURRENTLY public.child_again;" } && f.Message.Contains("child_pkey", StringComparison.Ordinal));
        Assert.Equal(["public.low1", "public.low2", "public.note1", "public.note2", "public.note_desc", "public.note_some", "public.served_fk", "public.some1", "public.some2", "public.some3", "public.up"], findings.Where(f => f.Rule == "UnusedIndex").Select(f => f.Object).Order(StringComparer.Ordinal));
        Assert.All(findings.Where(f => f.Rule == "UnusedIndex"), f => Assert.Contains("Standbys count for themselves; none is connected", f.Advice, StringComparison.Ordinal));
        var missing = Assert.Single(findings, f => f.Rule == "MissingForeignKeyIndex");
        Assert.Equal("CREATE INDEX CONCURRENTLY ON public.child (a, b);", missing.Sql);
        database.Execute("CREATE INDEX child_fk ON child(a, b)");
        var actual = database.Query<long>("SELECT pg_relation_size('child_fk')");
        Assert.InRange(missing.EstimatedSpace!.Value, actual / 2, actual * 2);
        Assert.All(findings.Where(f => f.Rule is "UnusedIndex" or "DuplicateIndex" or "MissingForeignKeyIndex"), f => Assert.Null(f.Action));
        Assert.DoesNotContain(database.Inspect(Small with { UnusedAfter = TimeSpan.FromDays(30) }), f => f.Rule == "UnusedIndex");
    }

    [PostgresFact]
    public void Large_values_that_died_out_of_line_are_a_reason_to_vacuum_their_table()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE docs(id int, body text); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL; INSERT INTO docs SELECT i, repeat('x', 20000) FROM generate_series(1, 40) i");
        database.Execute("VACUUM ANALYZE docs");
        database.Execute("UPDATE docs SET body = repeat('y', 20000)");
        var finding = Assert.Single(database.Inspect(), f => f.Rule == "DeadRows");
        Assert.Equal(("public.docs", "VACUUM public.docs"), (finding.Object, finding.Sql));
        Assert.Contains("TOAST", finding.Message, StringComparison.Ordinal);
        Assert.Equal(OptimizationStatus.Done, Assert.Single(database.Optimize(OptimizationStep.Vacuum)).Status);
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "DeadRows");

        // The TOAST table's own options come before the server's.
        database.Execute("ALTER TABLE docs SET (toast.autovacuum_vacuum_threshold = 100000)");
        database.Execute("UPDATE docs SET body = repeat('z', 20000)");
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "DeadRows");

        // Where it has none, those of its table do; where it has any, they do not.
        database.Execute("ALTER TABLE docs RESET (toast.autovacuum_vacuum_threshold); ALTER TABLE docs SET (autovacuum_vacuum_threshold = 100000)");
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "DeadRows");
        database.Execute("ALTER TABLE docs SET (toast.autovacuum_vacuum_cost_delay = 5)");
        Assert.Single(database.Inspect(), f => f.Rule == "DeadRows");
    }

    [PostgresFact]
    public void Partitioned_tables_are_looked_at_as_a_whole()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE log(at int, note text) PARTITION BY RANGE (at);
            CREATE TABLE log1 PARTITION OF log FOR VALUES FROM (0) TO (1000); CREATE TABLE log2 PARTITION OF log FOR VALUES FROM (1000) TO (5000);
            INSERT INTO log SELECT i, 'x' FROM generate_series(1, 4000) i;
            CREATE INDEX log_note ON log(note); CREATE INDEX log_again ON log(note);
            """);
        database.Execute("VACUUM ANALYZE log1");
        database.Execute("VACUUM ANALYZE log2");
        var findings = database.Inspect(Small);
        var stale = Assert.Single(findings, f => f.Rule == "StaleStatistics");
        Assert.Equal(("public.log", "ANALYZE public.log", FindingSeverity.Warning), (stale.Object, stale.Sql, stale.Severity));
        Assert.Equal("DROP INDEX public.log_again;", Assert.Single(findings, f => f.Rule == "DuplicateIndex").Sql);
        var unused = findings.Where(f => f.Rule == "UnusedIndex").ToList();
        Assert.Equal(["public.log_again", "public.log_note"], unused.Select(f => f.Object).Order(StringComparer.Ordinal));
        Assert.All(unused, f => Assert.True(f.Size > 0));

        // A part's use is the whole's.
        database.Execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*) FROM log2 WHERE note = 'y'");
        Assert.Single(database.Inspect(Small), f => f.Rule == "UnusedIndex");
        var done = Assert.Single(database.Optimize(OptimizationStep.Analyze));
        Assert.Equal(("public.log", OptimizationStatus.Done), (done.Object, done.Status));
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "StaleStatistics");
        Assert.Empty(database.Optimize(OptimizationStep.Analyze));
    }

    [PostgresFact]
    public void Sequences_are_measured_by_the_column_that_they_number()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE small(id int GENERATED ALWAYS AS IDENTITY); SELECT setval('small_id_seq', 1700000000);
            CREATE SEQUENCE wide; CREATE TABLE narrow(id int DEFAULT nextval('wide')); ALTER SEQUENCE wide OWNED BY narrow.id; SELECT setval('wide', 2000000000);
            CREATE TABLE roomy(id bigint GENERATED ALWAYS AS IDENTITY); SELECT setval('roomy_id_seq', 2000000000);
            """);
        var findings = database.Inspect().Where(f => f.Rule == "SequenceNearEnd").ToDictionary(f => f.Object);
        Assert.Equal(["public.small_id_seq", "public.wide"], findings.Keys.Order());
        Assert.Equal(FindingSeverity.Warning, findings["public.small_id_seq"].Severity);
        Assert.Equal(FindingSeverity.Error, findings["public.wide"].Severity);
        Assert.Contains("public.narrow.id (integer)", findings["public.wide"].Message, StringComparison.Ordinal);
    }

    [PostgresFact]
    public void Settings_that_hurt_are_named_with_what_would_be_right()
    {
        var database = world.NewDatabase();
        database.Execute("ALTER SYSTEM SET work_mem = '2GB'");
        database.Execute("ALTER SYSTEM SET max_connections = 33");
        database.Execute("ALTER SYSTEM SET track_counts = off");
        database.Execute("ALTER SYSTEM SET synchronous_commit = off");
        database.Execute("SELECT pg_reload_conf()");
        try
        {
            Assert.True(SpinWait.SpinUntil(() => database.Query<string>("SHOW work_mem") == "2GB", TimeSpan.FromSeconds(5)));
            var findings = database.Inspect();
            var settings = findings.Where(f => f.Rule == "Setting").ToDictionary(f => f.Object);
            Assert.Equal(FindingSeverity.Error, settings["fsync"].Severity);
            Assert.Equal("ALTER SYSTEM SET autovacuum = 'on';", settings["autovacuum"].Sql);
            Assert.Equal("ALTER SYSTEM SET track_counts = 'on';", settings["track_counts"].Sql);
            Assert.Equal(FindingSeverity.Information, settings["synchronous_commit"].Severity);
            Assert.Equal(FindingSeverity.Information, settings["idle_in_transaction_session_timeout"].Severity);
            Assert.Contains("restart", settings["max_connections"].Message, StringComparison.Ordinal);
            Assert.Equal(FindingSeverity.Warning, settings["work_mem"].Severity);
            Assert.DoesNotContain("full_page_writes", settings.Keys);
            Assert.Contains(findings, f => f is { Rule: "SlowStatement", Sql: "CREATE EXTENSION pg_stat_statements;" });
        }
        finally
        {
            database.Execute("ALTER SYSTEM RESET ALL");
            database.Execute("SELECT pg_reload_conf()");
        }
    }
}
