using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
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
                PostgresClusterRestore.RequireReachable(repository, sink, snapshot, manifest.Postgres, recovery);
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
        var part = new PartRestore(options);
        using var live = server.ConnectTo(options.Destination ?? facts.Name);
        part.RequireFree(live);
        if (options.DryRun)
        {
            return part.Result(live, part.Choose(facts.Tables, facts.Name, snapshot), snapshot);
        }

        using var cluster = Start(snapshot, options, cancellation);
        using var was = cluster.Connect(facts.Name);
        var tables = part.Choose(PostgresTables.Count(was, cancellation), facts.Name, snapshot);
        return part.Carry(was, live, tables, snapshot, cancellation);
    }

    private RestoreResult RestoreDatabase(PostgresServer live, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options, CancellationToken cancellation)
    {
        if (options.DryRun)
        {
            return new DatabaseRestore(live, snapshot, facts, options).Run(_ => { }, cancellation);
        }

        using var cluster = Start(snapshot, options, cancellation);
        using var was = cluster.Connect(facts.Name);
        var now = DatabaseFacts.Read(was) with { Tables = [.. PostgresTables.Count(was, cancellation)] };
        return new DatabaseRestore(live, snapshot, now, options).Run(
            database =>
            {
                using var dump = new ClientTools(options.Tools, was).Start("pg_dump", ["--format=custom", "--compress=0", "--no-password", $"--dbname={PostgresServer.ConnectionOf(was.Database)}"], cancellation);
                using var restore = new ClientTools(options.Tools, database).Start("pg_restore", [$"--dbname={PostgresServer.ConnectionOf(database.Database)}", "--exit-on-error", "--no-password"], cancellation);
                dump.PipeTo(restore, cancellation);
            },
            cancellation);
    }

    private PrivateCluster Start(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation) =>
        PrivateCluster.Start(repository, sink, snapshot, options.Recovery, options.ScratchFolder, null, cancellation);
}
