using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Restores each dumped database into a private server that is made for it, and compares its tables and rows with the recorded ones.</summary>
internal sealed class PostgresDumpDrill(Repository repository, IOperationSink sink)
{
    public void Run(Snapshot snapshot, Manifest manifest, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var scratch = ScratchFolder.Create(options.ScratchFolder);
        using var server = ThrowawayServer.Initialize(manifest.Postgres!.Version, scratch.Path, cancellation);
        drill.Rows = 0;
        foreach (var database in manifest.Postgres.Databases)
        {
            cancellation.ThrowIfCancellationRequested();
            Restore(server, snapshot, manifest, database, drill, cancellation);
        }

        drill.Integrity = drill.Damaged ? "failed" : "ok";
        var asked = options.Database ?? manifest.Postgres.Databases[0].Name;
        foreach (var sql in drill.Damaged ? [] : options.Assert)
        {
            using var connection = PostgresServer.Connect(server.ConnectionString, asked, cancellation);
            PostgresAssertion.Check(connection, sql, snapshot, drill);
        }
    }

    private void Restore(ThrowawayServer server, Snapshot snapshot, Manifest manifest, PostgresDatabase facts, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using (var maintenance = PostgresServer.Connect(server.ConnectionString, "template1", cancellation))
        {
            if (facts.Name == "postgres")
            {
                maintenance.Execute("DROP DATABASE postgres");
            }

            maintenance.Execute($"CREATE DATABASE {PostgresServer.Quote(facts.Name)} TEMPLATE template0 ENCODING '{facts.Encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        }

        using var database = PostgresServer.Connect(server.ConnectionString, facts.Name, cancellation);
        try
        {
            new DumpContent(repository, sink, snapshot, manifest, facts).Fill(database, new ClientToolOptions(), 1, null, cancellation, "--no-owner", "--no-privileges");
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ClientToolFailed)
        {
            drill.Fail("RestoreFailed", $"'{facts.Name}' does not restore: {e.Message}", snapshot, facts.Name);
            return;
        }

        var counted = PostgresTables.Count(database, cancellation).ToDictionary(t => t.Name, t => t.Rows);
        drill.Rows += counted.Values.Sum();
        foreach (var table in facts.Tables)
        {
            if (!counted.Remove(table.Name, out var rows))
            {
                drill.Fail("TableMissing", $"'{table.Name}' of '{facts.Name}' with {table.Rows} rows is missing after the restore.", snapshot, table.Name);
            }
            else if (rows != table.Rows)
            {
                drill.Fail("RowCountDiffers", $"'{table.Name}' of '{facts.Name}' has {rows} rows after the restore and had {table.Rows} when the snapshot was taken.", snapshot, table.Name);
            }
        }

        foreach (var unexpected in counted.Keys)
        {
            drill.Fail("TableUnexpected", $"The restored '{facts.Name}' has a table '{unexpected}' that was not recorded.", snapshot, unexpected);
        }
    }
}
