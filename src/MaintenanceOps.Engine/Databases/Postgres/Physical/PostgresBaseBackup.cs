using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Takes a whole running cluster: the server sends it as archives, which are cut into pages and stored without lying on a
/// disk. The log that makes it consistent comes with it; each file is compared with the server's own list, and the server
/// itself checks the pages' checksums on the way.
/// </summary>
public sealed class PostgresBaseBackup(Repository repository, IOperationSink sink)
{
    /// <summary>Backs up the cluster.</summary>
    /// <param name="connectionString">A user with the right to replicate, and any database.</param>
    /// <param name="tools">Where the client programs are.</param>
    /// <param name="options">Name and tags.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>The committed snapshot.</returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.ServerUnavailable"/>, <see cref="ErrorCode.ClientToolUnfit"/>,
    /// <see cref="ErrorCode.ClientToolFailed"/>: what arrived is not what the server sent; or the repository fails.
    /// </exception>
    public Snapshot Run(string connectionString, ClientToolOptions tools, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        using var server = PostgresServer.Connect(connectionString, null, cancellation);
        server.Tell(sink);
        try
        {
            return Run(server, tools, options, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    private Snapshot Run(PostgresServer server, ClientToolOptions tools, BackupOptions options, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        using var lease = repository.Share($"backup of {options.Source}", cancellation);
        var catalog = new SnapshotCatalog(repository);
        var parent = catalog.Parent(options.Source, SnapshotKind.PostgresPhysical);
        if (parent?.Manifest.Postgres is { } before && before.System != server.System)
        {
            sink.Warn($"'{options.Source}' was cluster {before.System} before and is cluster {server.System} now. Give another -Source if it is another cluster.");
        }

        using var held = HeldLog.Of(server, sink);
        var warnings = new List<string>();
        var databases = ClusterDatabases.Look(server, sink, warnings);
        warnings.ForEach(sink.Warn);
        var segmentSize = server.Scalar<long>("SELECT pg_size_bytes(current_setting('wal_segment_size'))");
        var taken = repository.Time.GetUtcNow();
        using var tree = new StreamedTree(repository, cancellation);
        using var feed = FeedOf(server, tools, $"mops {options.Source}", cancellation);
        var taker = new ArchiveTaker(tree, n => sink.Progress($"Backing up {options.Source}", n, databases.Sum(d => d.Size)));
        taker.Take(feed, cancellation);
        var manifest = taker.Verify();
        var ended = server.Scalar<DateTime>("SELECT pg_catalog.now() AT TIME ZONE 'UTC'");
        held.WaitForArchive(manifest.Timeline, manifest.EndLsn, segmentSize, cancellation);
        var result = tree.Finish();
        lease.Assert();
        var committed = Manifest.Of(SnapshotKind.PostgresPhysical, options, taken, parent?.Id, catalog.NextNumber(options.Source)) with
        {
            ElapsedSeconds = watch.Elapsed.TotalSeconds,
            Origin = server.Describe(),
            Size = result.Size,
            StoredSize = result.StoredSize,
            ContentHash = result.ContentHash,
            Map = result.Map,
            Verified = VerificationLevel.Full,
            Warnings = [.. warnings],
            FileCount = result.Count,
            Postgres = new PostgresFacts
            {
                System = server.System,
                Version = server.Version,
                Superuser = server.Scalar<string>("SELECT rolname FROM pg_roles WHERE oid = 10"),
                Databases = [.. ClusterDatabases.StillThere(server, databases)],
                Base = new BaseBackupFacts
                {
                    Timeline = manifest.Timeline,
                    StartLsn = manifest.StartLsn,
                    EndLsn = manifest.EndLsn,
                    StartSegment = taker.StartSegment,
                    SegmentSize = segmentSize,
                    Ended = new DateTimeOffset(DateTime.SpecifyKind(ended, DateTimeKind.Utc)),
                    Tablespaces = [.. feed.Tablespaces],
                },
            },
        };
        return catalog.Describe(repository.Commit(committed, cancellation), committed);
    }

    private static IBaseBackupFeed FeedOf(PostgresServer server, ClientToolOptions tools, string label, CancellationToken cancellation) =>
        server.Version >= ReplicationFeed.OldestVersion && tools.Prefix.Count == 0 && LibPq.IsInstalled
            ? new ReplicationFeed(server, label, cancellation)
            : new BaseBackupProgramFeed(server, tools, label, TablespacesOf(server), cancellation);

    private static List<TablespaceFacts> TablespacesOf(PostgresServer server) => server.Rows(
        "SELECT oid, spcname, pg_catalog.pg_tablespace_location(oid) FROM pg_catalog.pg_tablespace WHERE pg_catalog.pg_tablespace_location(oid) LIKE '/%'",
        r => new TablespaceFacts { Oid = r.GetFieldValue<uint>(0), Name = r.GetString(1), Location = r.GetString(2) });
}
