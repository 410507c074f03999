using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>The dumped files of one database in a snapshot, and how they are played back into an empty one.</summary>
internal sealed class DumpContent
{
    private readonly Repository repository;
    private readonly IOperationSink sink;
    private readonly Snapshot snapshot;
    private readonly FileEntry? single;
    private readonly FileEntry? schema;
    private readonly List<FileEntry> data;

    public DumpContent(Repository repository, IOperationSink sink, Snapshot snapshot, Manifest manifest, PostgresDatabase facts)
    {
        (this.repository, this.sink, this.snapshot) = (repository, sink, snapshot);
        var folder = DumpPlan.FolderOf(facts.Name) + "/";
        var (whole, definitions) = (DumpPlan.PathOf(facts.Name), DumpPlan.SchemaOf(facts.Name));
        var entries = Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, default)).Where(e => e.Path == whole || e.Path.StartsWith(folder, StringComparison.Ordinal)).ToList();
        single = entries.Find(e => e.Path == whole);
        schema = entries.Find(e => e.Path == definitions);
        data = entries.FindAll(e => e.Kind == EntryKind.File && e != single && e != schema);
        if (single is null && schema is null)
        {
            throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"Snapshot {snapshot.ShortId} has no dump of '{facts.Name}'.", snapshot.Id);
        }
    }

    /// <summary>Plays everything back, with as many programs at once as wanted.</summary>
    public void Fill(PostgresServer database, ClientToolOptions tools, int parallel, string? scratchFolder, CancellationToken cancellation, params string[] arguments)
    {
        string[] strict = ["--exit-on-error", .. arguments];
        if (single is not null && parallel == 1)
        {
            Stream(single, database, tools, strict, cancellation).Finish(cancellation);
            return;
        }

        // Several workers jump about in a file, which a stream cannot give them.
        using var scratch = ScratchFolder.Create(scratchFolder);
        string[] workers = parallel > 1 ? [$"--jobs={parallel}"] : [];
        if (single is not null)
        {
            Play(Spool(single, scratch, cancellation), database, tools, [.. strict, .. workers], cancellation);
            return;
        }

        var definitions = Spool(schema!, scratch, cancellation);
        Play(definitions, database, tools, [.. strict, "--section=pre-data"], cancellation);
        System.Threading.Tasks.Parallel.ForEach(
            data,
            new ParallelOptions { MaxDegreeOfParallelism = parallel, CancellationToken = cancellation },
            part => Stream(part, database, tools, strict, cancellation).Finish(cancellation));
        Play(definitions, database, tools, [.. strict, .. workers, "--section=post-data"], cancellation);
    }

    /// <summary>
    /// Plays all definitions back but only one part's rows. Indexes on them are made; a foreign key to a table that stays
    /// empty cannot be, and is left out.
    /// </summary>
    public void FillPart(PostgresServer database, PartRestore part, ClientToolOptions tools, CancellationToken cancellation)
    {
        string[] lenient = ["--no-owner", "--no-privileges"];
        string[] rows = ["--exit-on-error", "--section=data", $"--schema={part.Schema}", .. part.Table is { } table ? new[] { $"--table={table}" } : []];
        Stream(schema ?? single!, database, tools, [.. lenient, "--section=pre-data"], cancellation).Settle(cancellation);
        foreach (var file in single is not null ? [single] : data)
        {
            Stream(file, database, tools, rows, cancellation).Finish(cancellation);
        }

        Stream(schema ?? single!, database, tools, [.. lenient, "--section=post-data"], cancellation).Settle(cancellation);
    }

    private ClientProcess Stream(FileEntry entry, PostgresServer database, ClientToolOptions tools, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var process = Start(database, tools, arguments, cancellation);
        try
        {
            process.Feed(input => EntryContent.CopyTo(repository, snapshot.Id, entry, input, cancellation));
            sink.Progress($"Restoring {snapshot.Source}", entry.Size, snapshot.Size);
            return process;
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    private static void Play(string file, PostgresServer database, ClientToolOptions tools, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        using var process = Start(database, tools, [.. arguments, file], cancellation);
        process.Finish(cancellation);
    }

    private static ClientProcess Start(PostgresServer database, ClientToolOptions tools, IEnumerable<string> arguments, CancellationToken cancellation) =>
        new ClientTools(tools, database).Start("pg_restore", [$"--dbname={PostgresServer.ConnectionOf(database.Database)}", "--no-password", .. arguments], cancellation);

    private string Spool(FileEntry entry, ScratchFolder scratch, CancellationToken cancellation)
    {
        Storage.FreeSpace.Require(scratch.Path, entry.Size);
        var path = Path.Combine(scratch.Path, Path.GetFileName(entry.Path));
        using var file = File.Create(path);
        EntryContent.CopyTo(repository, snapshot.Id, entry, file, cancellation);
        return path;
    }
}
