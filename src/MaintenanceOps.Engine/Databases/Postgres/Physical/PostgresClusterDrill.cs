using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>Restores a cluster into a scratch folder, starts a private server on it, and asks it everything that can be known.</summary>
internal sealed class PostgresClusterDrill(Repository repository, IOperationSink sink)
{
    public void Run(Snapshot snapshot, Manifest manifest, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var cluster = PrivateCluster.Start(repository, sink, snapshot, options.Recovery, options.ScratchFolder, options.User, cancellation);
        try
        {
            drill.Rows = 0;
            foreach (var database in manifest.Postgres!.Databases)
            {
                cancellation.ThrowIfCancellationRequested();
                using var connection = cluster.Connect(database.Name);
                Ask(connection, snapshot, drill);
                sink.Progress($"Testing {snapshot.Source}", drill.Rows, -1);
            }

            drill.Integrity = drill.Damaged ? "failed" : "ok";
            using var asked = cluster.Connect(options.Database);
            foreach (var sql in options.Assert)
            {
                cancellation.ThrowIfCancellationRequested();
                PostgresAssertion.Check(asked, sql, snapshot, drill);
            }
        }
        catch (NpgsqlException e)
        {
            drill.Fail("QueryFailed", $"The restored cluster answers with an error: {e.Message}", snapshot);
        }
    }

    /// <summary>Counts every row, which reads every table, and checks each index where the server has amcheck.</summary>
    private static void Ask(PostgresServer server, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        const string Tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1";
        foreach (var table in server.Rows(Tables, r => r.GetString(0)))
        {
            drill.Rows += server.Scalar<long>($"SELECT count(*) FROM {table}");
        }

        if (server.Scalar<long>("SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'") == 0)
        {
            return;
        }

        // In a schema of its own: the sessions look for nothing outside the server's, where no extension goes.
        server.Execute("CREATE SCHEMA IF NOT EXISTS mops_check; CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA mops_check");
        if (ExtensionFunction.Find(server, "amcheck", "bt_index_check", "regclass,boolean") is not { } check)
        {
            return;
        }

        const string Indexes = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_am a ON a.oid = c.relam JOIN pg_index i ON i.indexrelid = c.oid WHERE a.amname = 'btree' AND c.relpersistence <> 't' AND i.indisvalid ORDER BY 1";
        foreach (var index in server.Rows(Indexes, r => r.GetString(0)))
        {
            try
            {
                server.Execute($"SELECT {check}({PostgresServer.Literal(index)}::regclass, true)");
            }
            catch (PostgresException e)
            {
                drill.Fail("IndexDamaged", $"'{index}' in '{server.Database}' fails its check after the restore: {e.MessageText}", snapshot, index);
            }
        }
    }
}
