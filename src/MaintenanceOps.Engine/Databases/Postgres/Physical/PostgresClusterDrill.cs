using MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>Restores a cluster into a scratch folder, starts a private server on it, and asks it everything that can be known.</summary>
internal sealed class PostgresClusterDrill(Repository repository, IOperationSink sink)
{
    public void Run(Snapshot snapshot, Manifest manifest, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var cluster = Start(snapshot, options, cancellation);
        drill.Recovered = cluster.Reached;
        drill.Rows = 0;
        foreach (var name in Databases(cluster, manifest, snapshot, options, drill))
        {
            cancellation.ThrowIfCancellationRequested();
            if (Connect(cluster, name, snapshot, drill) is { } database)
            {
                foreach (var pending in PrivatePart.EndPrepared(database))
                {
                    drill.Fail("PreparedTransaction", $"{pending} In a restored cluster it keeps its locks until somebody commits it or rolls it back.", snapshot, name, FindingSeverity.Warning);
                }

                using var inspection = new ClusterInspection(database, () => cluster.Connect(name), snapshot, drill);
                Inspect(inspection, name, snapshot, drill, cancellation);
            }

            sink.Progress($"Testing {snapshot.Source}", drill.Rows, -1, "rows");
        }

        drill.Integrity = drill.Damaged ? "failed" : drill.IsUnproven ? "" : "ok";
        if (options.Assert.Count > 0 && Connect(cluster, options.Database ?? "postgres", snapshot, drill) is { } asked)
        {
            using (asked)
            {
                foreach (var sql in options.Assert)
                {
                    cancellation.ThrowIfCancellationRequested();
                    PostgresAssertion.Check(asked, sql, snapshot, drill);
                }
            }
        }
    }

    /// <summary>A private server that is gone, as where memory ran out, says nothing about what it was reading.</summary>
    private static void Inspect(ClusterInspection inspection, string database, Snapshot snapshot, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        try
        {
            inspection.Run(cancellation);
        }
        catch (Exception e) when (e is NpgsqlException and not PostgresException or MaintenanceException { Code: ErrorCode.ServerUnavailable })
        {
            drill.Unproven($"The private server ended while '{database}' was checked: {e.Message}", snapshot);
        }
    }

    /// <summary>
    /// A server that does not start says something about the snapshot only where its words do: a missing library, too little
    /// memory or another build of the programs would keep a good one from starting too.
    /// </summary>
    private PrivateCluster Start(Snapshot snapshot, ProofOptions options, CancellationToken cancellation)
    {
        try
        {
            return PrivateCluster.Start(repository, sink, snapshot, options.Recovery, options.ScratchFolder, options.User, cancellation);
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.ClientToolFailed or ErrorCode.ClientToolUnfit)
        {
            throw new MaintenanceException(ServerLog.TellsOfDamage(e.Message) ? ErrorCode.VerificationFailed : ErrorCode.DrillNotPossible, e.Message, e.Target, e);
        }
    }

    /// <summary>The databases that the restored cluster has; those that were recorded must be among them, unless the log has gone on since.</summary>
    private static List<string> Databases(PrivateCluster cluster, Manifest manifest, Snapshot snapshot, ProofOptions options, SnapshotProof.Drill drill)
    {
        using var server = cluster.Connect("template1");
        var there = server.Rows("SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname", r => r.GetString(0));
        foreach (var lost in options.Recovery is null ? manifest.Postgres!.Databases.Select(d => d.Name).Except(there) : [])
        {
            drill.Fail("DatabaseMissing", $"Database '{lost}' was there when the base backup began and when it had ended, and the restored cluster does not have it.", snapshot, lost);
        }

        return there;
    }

    private static PostgresServer? Connect(PrivateCluster cluster, string database, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        try
        {
            return cluster.Connect(database);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ServerUnavailable)
        {
            Judge(e.InnerException as PostgresException, $"Database '{database}' of the restored cluster cannot be opened here: {(e.InnerException ?? e).Message}");
        }
        catch (PostgresException e)
        {
            Judge(e, $"Database '{database}' of the restored cluster answers with an error: {e.MessageText}");
        }

        return null;

        void Judge(PostgresException? error, string message)
        {
            if (error is not null && ClusterInspection.IsDamage(error))
            {
                drill.Fail("QueryFailed", message, snapshot, database);
            }
            else
            {
                drill.Unproven(message, snapshot);
            }
        }
    }
}
