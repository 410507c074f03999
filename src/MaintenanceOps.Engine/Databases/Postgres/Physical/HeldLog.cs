using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Keeps a server from removing the log that a base backup needs at its end, by a replication slot that ends with our
/// session, however that ends.
/// </summary>
internal sealed class HeldLog : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(200);
    private readonly PostgresServer server;
    private readonly IOperationSink sink;
    private readonly string? slot;

    private HeldLog(PostgresServer server, IOperationSink sink, string? slot) => (this.server, this.sink, this.slot) = (server, sink, slot);

    /// <summary>How long the archive is waited for. The backup is whole without it.</summary>
    internal static TimeSpan LongestWait { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Makes the slot. Where the server has none to give, the backup goes on without.</summary>
    public static HeldLog Of(PostgresServer server, IOperationSink sink)
    {
        var name = $"mops_{Guid.NewGuid():N}";
        try
        {
            server.Execute("SELECT pg_catalog.pg_create_physical_replication_slot($1::pg_catalog.name, true, true)", name);
            return new HeldLog(server, sink, name);
        }
        catch (PostgresException e)
        {
            sink.Warn($"The server keeps its log for this backup only as its settings say, and the backup fails where that is not enough: no replication slot could be made ({e.MessageText}).");
            return new HeldLog(server, sink, null);
        }
    }

    /// <summary>
    /// Waits until the server has archived the segment in which the backup ended, for a minute at most: a recovery beyond the
    /// backup begins with it.
    /// </summary>
    public void WaitForArchive(uint timeline, string endLsn, long segmentSize, CancellationToken cancellation)
    {
        if (server.Scalar<bool>("SELECT pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('archive_mode') = 'off'"))
        {
            return;
        }

        var segment = WalFile.Segment(timeline, (Lsn.Parse(endLsn) - 1) / (ulong)segmentSize, segmentSize);
        var watch = Stopwatch.StartNew();
        while (!IsArchived(segment))
        {
            if (watch.Elapsed > LongestWait)
            {
                var failed = server.First("SELECT 'The last failure was at ' || last_failed_time || ', with ' || last_failed_wal || '.' FROM pg_catalog.pg_stat_archiver WHERE last_failed_time IS NOT NULL") as string;
                sink.Warn($"The server has not archived {segment} within {LongestWait.TotalSeconds:0} seconds. The backup is whole; a recovery to a later moment needs that segment in the archive. {failed ?? "Look into the server's log."}");
                return;
            }

            cancellation.ThrowIfCancellationRequested();
            cancellation.WaitHandle.WaitOne(Beat);
        }
    }

    public void Dispose()
    {
        try
        {
            if (slot is not null)
            {
                server.Execute("SELECT pg_catalog.pg_drop_replication_slot($1::pg_catalog.name)", slot);
            }
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            // The session is gone, and the slot with it.
        }
    }

    /// <summary>By the server's own marks, which it removes later; without any, a segment was archived long ago.</summary>
    private bool IsArchived(WalFile segment) =>
        server.First($"SELECT last_archived_wal FROM pg_catalog.pg_stat_archiver WHERE length(last_archived_wal) >= 24") is string last
        && WalFile.TryParse(last, out var archived)
        && archived.IsAtOrAfter(segment);
}
