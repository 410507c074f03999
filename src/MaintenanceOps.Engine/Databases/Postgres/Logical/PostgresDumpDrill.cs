using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Restores each dumped database into a private server that is made for it, and compares its tables, rows and sequences with the
/// recorded ones. Only what came back wrong is damage. What this machine lacks, such as an extension, is a warning where
/// all rows came back, and leaves the snapshot unproven where some could not.
/// </summary>
internal sealed class PostgresDumpDrill(Repository repository, IOperationSink sink)
{
    public void Run(Snapshot snapshot, Manifest manifest, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var scratch = ScratchFolder.Create(options.ScratchFolder);
        using var server = Start(manifest, scratch, cancellation);
        using (var maintenance = PostgresServer.Connect(server.ConnectionString, "template1", cancellation))
        {
            new DrillRoles(maintenance).Provide(repository, snapshot, manifest, cancellation);
        }

        drill.Rows = 0;
        foreach (var database in manifest.Postgres!.Databases)
        {
            cancellation.ThrowIfCancellationRequested();
            Restore(server, snapshot, manifest, database, drill, cancellation);
        }

        drill.Integrity = drill.Findings.Exists(f => f.Severity == FindingSeverity.Error && (drill.Damaged || f.Rule == SnapshotProof.RuleBroken)) ? "failed" : "ok";
        var asked = options.Database ?? manifest.Postgres.Databases[0].Name;
        foreach (var sql in drill.Passed ? options.Assert : [])
        {
            using var connection = PostgresServer.Connect(server.ConnectionString, asked, cancellation);
            PostgresAssertion.Check(connection, sql, snapshot, drill);
        }
    }

    /// <summary>Where there are no programs to start a server with, nothing is said about the snapshot.</summary>
    private static ThrowawayServer Start(Manifest manifest, ScratchFolder scratch, CancellationToken cancellation)
    {
        try
        {
            return ThrowawayServer.Initialize(manifest.Postgres!.Version, scratch.Path, cancellation);
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.ClientToolUnfit or ErrorCode.ClientToolFailed)
        {
            throw new MaintenanceException(ErrorCode.DrillNotPossible, e.Message, e.Target, e);
        }
    }

    private void Restore(ThrowawayServer server, Snapshot snapshot, Manifest manifest, PostgresDatabase facts, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        Create(server, snapshot, facts, drill, cancellation);
        using var database = PostgresServer.Connect(server.ConnectionString, facts.Name, cancellation);
        try
        {
            // Rows come back wherever they lie; the tablespaces of the old server are not here.
            var player = new DumpPlayer(new DumpContent(repository, sink, snapshot, manifest, facts), database, new ClientToolOptions(), cancellation) { Arguments = ["--no-tablespaces"] };
            var fill = new DatabaseFill(player, database, facts, cancellation) { IsPrivate = true };
            fill.FillTables();
            fill.FillRest();
            drill.Rows += fill.Counted.Values.Sum();
            CompareRows(fill, snapshot, facts, drill);
            CompareSequences(database, fill, snapshot, facts, drill);
            Judge(fill, snapshot, facts, drill);
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.ClientToolFailed)
        {
            drill.Fail("RestoreFailed", $"'{facts.Name}' does not restore: {e.Message}", snapshot, facts.Name);
        }
        catch (Exception e) when (e is NpgsqlException || e is MaintenanceException { Code: ErrorCode.ServerUnavailable or ErrorCode.ClientToolUnfit })
        {
            drill.Unproven($"The private server failed while '{facts.Name}' was restored: {e.Message}", snapshot);
        }
    }

    /// <summary>
    /// Makes the database with the locale that it had, for checks and assertions depend on it. Where this machine does not have that
    /// locale, texts are compared by their bytes, and that is told.
    /// </summary>
    private static void Create(ThrowawayServer server, Snapshot snapshot, PostgresDatabase facts, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var maintenance = PostgresServer.Connect(server.ConnectionString, "template1", cancellation);
        if (facts.Name == "postgres")
        {
            maintenance.Execute("DROP DATABASE IF EXISTS postgres");
        }

        try
        {
            maintenance.Execute(StagedDatabase.Statement(maintenance, facts.Name, facts));
            return;
        }
        catch (PostgresException e)
        {
            drill.Gap($"The private server of the drill cannot give '{facts.Name}' its locale ({e.MessageText}), so texts were sorted and compared by their bytes. Install the locale to have the drill look at it as well.", snapshot);
        }

        try
        {
            maintenance.Execute($"CREATE DATABASE {PostgresServer.Quote(facts.Name)} TEMPLATE template0 ENCODING {PostgresServer.Literal(facts.Encoding)} LC_COLLATE 'C' LC_CTYPE 'C'");
        }
        catch (PostgresException e)
        {
            throw new MaintenanceException(ErrorCode.DrillNotPossible, $"A private server cannot make a database like '{facts.Name}': {e.MessageText}", facts.Name, e);
        }
    }

    private static void CompareRows(DatabaseFill fill, Snapshot snapshot, PostgresDatabase facts, SnapshotProof.Drill drill)
    {
        foreach (var (table, arrived, words) in fill.Missing)
        {
            if (words.Length > 0)
            {
                drill.Unproven($"'{table.Name}' of '{facts.Name}' with {table.Rows} rows cannot be restored on a private server of this machine: {words}{(SearchPath.IsToBlame(words) ? $" {SearchPath.Cure}" : "")}", snapshot);
            }
            else if (arrived < 0)
            {
                drill.Fail("TableMissing", $"'{table.Name}' of '{facts.Name}' with {table.Rows} rows is missing after the restore.", snapshot, table.Name);
            }
            else
            {
                drill.Fail("RowCountDiffers", $"'{table.Name}' of '{facts.Name}' has {arrived} rows after the restore and had {table.Rows} when the snapshot was taken.", snapshot, table.Name);
            }
        }

        // A replica's unlogged tables are not recorded, and come back empty.
        var recorded = facts.Tables.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (unexpected, rows) in fill.Counted.Where(t => t.Value > 0 && !recorded.Contains(t.Key)))
        {
            drill.Fail("TableUnexpected", $"The restored '{facts.Name}' has a table '{unexpected}' with {rows} rows that was not recorded.", snapshot, unexpected);
        }
    }

    private static void CompareSequences(PostgresServer database, DatabaseFill fill, Snapshot snapshot, PostgresDatabase facts, SnapshotProof.Drill drill)
    {
        foreach (var (recorded, restored) in SequenceValues.Behind(facts.Sequences, database))
        {
            if (restored is not null)
            {
                drill.Fail("SequenceBehind", $"Sequence '{recorded.Name}' of '{facts.Name}' stands at {restored.Last} after the restore and stood at {recorded.Last} when the snapshot was taken, so it would give out numbers again.", snapshot, recorded.Name);
            }
            else if (fill.Unrestored.Count == 0 && fill.Missing.Count == 0)
            {
                drill.Fail("SequenceMissing", $"Sequence '{recorded.Name}' of '{facts.Name}' is missing after the restore.", snapshot, recorded.Name);
            }
        }
    }

    /// <summary>
    /// What did not come back beside the rows. Rows that break a constraint came back as they were taken, so the snapshot is not
    /// damaged; but a database without its primary key is not what was meant to be restored, and the drill has not passed.
    /// </summary>
    private static void Judge(DatabaseFill fill, Snapshot snapshot, PostgresDatabase facts, SnapshotProof.Drill drill)
    {
        foreach (var missing in fill.Unrestored)
        {
            if (DataRule.IsBroken(missing))
            {
                drill.Fail(SnapshotProof.RuleBroken, $"{missing.Name} of '{facts.Name}' cannot be restored, because rows break it: {missing.Error}", snapshot, missing.Name, action: "The source has the same rows, though its constraint or index forbids them: look there with Test-Database -Level Full (mops database test --level full), mend the rows, and take a new snapshot. A restore brings back all but what is named.");
            }
            else if (DataRule.IsOne(missing))
            {
                drill.Gap($"{missing.Name} of '{facts.Name}' did not come back on the private server, so its rows are not checked by it: {missing.Error}", snapshot);
            }
            else
            {
                drill.Fail("NotRestored", $"{missing.Name} of '{facts.Name}' did not come back on the private server: {missing.Error}", snapshot, missing.Name, FindingSeverity.Warning);
            }
        }
    }
}
