using MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;
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
        var isPart = options.Table is not null || options.Schema is not null;
        using var server = PostgresServer.ConnectBeside(options.ConnectionString!, isPart ? options.Destination ?? facts.Name : options.As ?? facts.Name, cancellation);
        server.Tell(sink);
        try
        {
            var dump = new DumpContent(repository, sink, snapshot, manifest, facts);
            return isPart
                ? RestorePart(server, dump, snapshot, facts, options, cancellation)
                : new DatabaseRestore(server, sink, snapshot, facts, options).Run(dump, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    /// <summary>Through a database that exists only for it, so that the live one gets it under the right name at once.</summary>
    private RestoreResult RestorePart(PostgresServer server, DumpContent dump, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options, CancellationToken cancellation)
    {
        using var live = server.ConnectTo(options.Destination ?? facts.Name);
        var restore = new PartRestore(live, sink, snapshot, facts, options);
        restore.RequireFree();
        if (options.DryRun)
        {
            return restore.Describe();
        }

        using var staged = StagedDatabase.Create(server, sink, facts);
        using var database = staged.Connect();
        var player = new DumpPlayer(dump, database, options.Tools, cancellation) { Arguments = ["--no-tablespaces"] };
        var fill = new PartFill(player, database, facts);
        fill.FillDefinitions();
        var members = PartMembers.Find(database, live, restore.Part, facts.Name);
        var rows = fill.FillRows(members, restore.Part.Schema, cancellation);
        if (new LargeObjects(database, live).AreNamed(members.Select(m => m.Was)))
        {
            player.PlayLargeObjects();
        }

        fill.FillRest(members);
        fill.FillSequences(members, restore.Part.Schema);
        var foreignKeys = ForeignKey.Parse(player.ReadSql("post-data", e => e.IsForeignKey));
        return restore.Carry(database, members, rows, foreignKeys, player.Entries.Where(e => e.IsViewContent), fill.Unrestored, cancellation);
    }
}
