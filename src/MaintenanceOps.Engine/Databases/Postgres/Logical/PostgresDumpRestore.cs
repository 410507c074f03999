using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Brings a dumped database, or a part of one, back into a live server.</summary>
internal sealed class PostgresDumpRestore(Repository repository, IOperationSink sink)
{
    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        var manifest = repository.ReadManifest(snapshot.Id);
        var facts = PostgresDatabase.Choose(manifest.Postgres!.Databases, options.Database, snapshot);
        using var server = PostgresServer.ConnectBeside(options.ConnectionString!, options.As ?? facts.Name, cancellation);
        server.Tell(sink);
        try
        {
            var dump = new DumpContent(repository, sink, snapshot, manifest, facts);
            return options is { Table: null, Schema: null }
                ? new DatabaseRestore(server, snapshot, facts, options).Run(database => dump.Fill(database, options.Tools, options.Parallel, options.ScratchFolder, cancellation), cancellation)
                : RestorePart(server, dump, snapshot, facts, options, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    /// <summary>Through a database that exists only for it, so that the live one gets it under the right name at once.</summary>
    private static RestoreResult RestorePart(PostgresServer server, DumpContent dump, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options, CancellationToken cancellation)
    {
        var part = new PartRestore(options);
        var tables = part.Choose(facts.Tables, facts.Name, snapshot);
        using var live = server.ConnectTo(options.Destination ?? facts.Name);
        part.RequireFree(live);
        if (options.DryRun)
        {
            return part.Result(live, tables, snapshot);
        }

        using var staged = StagedDatabase.Create(server, facts);
        using var database = staged.Connect();
        dump.FillPart(database, part, options.Tools, cancellation);
        return part.Carry(database, live, tables, snapshot, cancellation);
    }
}
