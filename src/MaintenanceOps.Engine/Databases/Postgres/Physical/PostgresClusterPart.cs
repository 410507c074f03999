using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Takes one table, schema or database out of a base backup, as it was at any moment that the log reaches, and puts it into
/// a live server: a private server is started on a scratch restore, and the part is dumped from there.
/// </summary>
internal sealed class PostgresClusterPart(Repository repository, IOperationSink sink)
{
    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        var manifest = repository.ReadManifest(snapshot.Id);
        var known = manifest.Postgres!.Databases.Where(d => d.Name is not "template1").ToList();
        var chosen = PostgresDatabase.Choose(known.Count > 1 && options.Database is null ? known.FindAll(d => d.Name != "postgres") : known, options.Database, snapshot);
        using var live = PostgresServer.ConnectBeside(options.ConnectionString!, options.As ?? chosen.Name, cancellation);
        live.Tell(sink);
        try
        {
            if (options.Recovery is { } recovery)
            {
                _ = RecoveryPlan.Make(repository, sink, snapshot, manifest.Postgres, recovery);
            }

            return options is { Table: null, Schema: null }
                ? RestoreDatabase(live, snapshot, chosen, options, cancellation)
                : RestorePart(live, snapshot, chosen, options, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw live.Wrap(e);
        }
    }

    private RestoreResult RestorePart(PostgresServer server, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options, CancellationToken cancellation)
    {
        using var live = server.ConnectTo(options.Destination ?? facts.Name);
        var restore = new PartRestore(live, sink, snapshot, facts, options);
        restore.RequireFree();
        if (options.DryRun)
        {
            return restore.Describe();
        }

        using var cluster = Start(snapshot, options, cancellation);
        using var was = cluster.Connect(facts.Name);
        PrivatePart.EndPrepared(was).ForEach(sink.Warn);
        PrivatePart.CutOff(was);
        var members = PartMembers.Find(was, live, restore.Part, facts.Name);
        var rows = PrivatePart.Count(was, members, cancellation);
        var unlogged = UnloggedTables.Of(was).ToHashSet(StringComparer.Ordinal);
        var lost = members.Where(m => unlogged.Contains(m.Was.ToString())).Select(m => UnloggedTables.Lost(m.Was.ToString()));
        return restore.Carry(was, members, rows, PrivatePart.TakeForeignKeys(was), [], [.. lost], cancellation) with { Recovered = cluster.Reached };
    }

    private RestoreResult RestoreDatabase(PostgresServer live, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options, CancellationToken cancellation)
    {
        if (options.DryRun)
        {
            return new DatabaseRestore(live, sink, snapshot, facts, options).Run(null, cancellation);
        }

        using var cluster = Start(snapshot, options, cancellation);
        using var was = cluster.Connect(facts.Name);
        PrivatePart.EndPrepared(was).ForEach(sink.Warn);
        var now = DatabaseFacts.Read(was) with { Tables = [.. PostgresTables.Count(was, cancellation).Select(t => t.Table)] };
        return new DatabaseRestore(live, sink, snapshot, now, options) { Lost = [.. UnloggedTables.Of(was).Select(UnloggedTables.Lost)] }.Run(new ServerDump(was, options.Tools), cancellation) with { Recovered = cluster.Reached };
    }

    private PrivateCluster Start(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation) =>
        PrivateCluster.Start(repository, sink, snapshot, options.Recovery, options.ScratchFolder, null, cancellation);
}
