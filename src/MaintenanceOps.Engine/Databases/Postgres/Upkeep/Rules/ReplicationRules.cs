namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Standbys, slots and the archive: who reads the log, and whether.</summary>
internal static class ReplicationRules
{
    private const string Now = "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END";

    private const string LagSql = $"""
        SELECT coalesce(nullif(application_name, ''), client_addr::text, 'pid ' || pid), coalesce(state, ''),
          coalesce(pg_wal_lsn_diff({Now}, coalesce(replay_lsn, flush_lsn, write_lsn, sent_lsn)), 0)::bigint,
          coalesce(extract(epoch FROM coalesce(replay_lag, flush_lag, write_lag)), 0)::float8
        FROM pg_stat_replication
        WHERE state IN ('streaming', 'catchup')
        """;

    private const string SlotSql = $"""
        SELECT slot_name::text, active, coalesce(wal_status, ''), coalesce(pg_wal_lsn_diff({Now}, restart_lsn), 0)::bigint, pg_size_bytes(current_setting('max_slot_wal_keep_size'))
        FROM pg_replication_slots WHERE NOT temporary
        """;

    private const string ArchiveSql = """
        SELECT failed_count, coalesce(last_failed_wal, ''), to_char(last_failed_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), coalesce(last_archived_wal, '')
        FROM pg_stat_archiver
        WHERE current_setting('archive_mode') <> 'off' AND last_failed_time > coalesce(last_archived_time, '-infinity')
        """;

    public static IEnumerable<DatabaseFinding> Lag(Inspection inspection)
    {
        inspection.RequireMonitor();
        return from s in inspection.Rows(LagSql, r => (Name: r.GetString(0), State: r.GetString(1), Bytes: r.GetInt64(2), Time: TimeSpan.FromSeconds(r.GetDouble(3))))
               where s.Bytes >= inspection.Limits.ReplicationBytes || s.Time >= inspection.Limits.ReplicationTime
               select inspection.Finding(
                   FindingSeverity.Warning, "ReplicationLag", s.Name,
                   $"The standby {s.Name} ({s.State}) is {ByteSize.Format(s.Bytes)} and {Duration.Format(s.Time)} behind.") with
               {
                   Size = s.Bytes,
                   Advice = "What is read from it is as old, and a failover would lose or have to replay as much. Long queries on a standby, a slow disk or network hold it back.",
               };
    }

    public static IEnumerable<DatabaseFinding> Slots(Inspection inspection)
    {
        foreach (var slot in inspection.Rows(SlotSql, r => (Name: r.GetString(0), Active: r.GetBoolean(1), Status: r.GetString(2), Held: r.GetInt64(3), Limit: r.GetInt64(4))))
        {
            var much = slot.Held >= (slot.Limit > 0 ? Math.Min(inspection.Limits.SlotBytes, slot.Limit / 2) : inspection.Limits.SlotBytes);
            var lost = slot.Status is "lost" or "unreserved";
            if (slot.Active && !much && !lost)
            {
                continue;
            }

            yield return inspection.Finding(
                lost ? FindingSeverity.Error : much ? FindingSeverity.Warning : FindingSeverity.Information, "ReplicationSlot", slot.Name,
                slot.Status == "lost"
                    ? $"The log that the slot {slot.Name} needs is gone: whoever reads from it has to begin anew."
                    : $"The slot {slot.Name} {(slot.Active ? "is read" : "is read by nobody")} and holds {ByteSize.Format(slot.Held)} of the log{(lost ? ", which may be removed any moment" : "")}.") with
            {
                Size = slot.Held,
                Ratio = slot.Limit > 0 ? (double)slot.Held / slot.Limit : null,
                Sql = slot.Active ? "" : $"SELECT pg_drop_replication_slot({PostgresServer.Literal(slot.Name)});",
                Advice = "A slot holds the log until its reader is back, or until the disk is full where max_slot_wal_keep_size is not set; it also stops vacuums. Drop it where the reader is gone for good.",
            };
        }
    }

    public static IEnumerable<DatabaseFinding> Archive(Inspection inspection) =>
        from a in inspection.Rows(ArchiveSql, r => (Failures: r.GetInt64(0), File: r.GetString(1), Time: r.GetString(2), Last: r.GetString(3)))
        select inspection.Finding(
            FindingSeverity.Error, "ArchiveFailing", a.File,
            $"The log is not archived: {a.File} failed at {a.Time} UTC, {a.Failures} times in all; the last that arrived is {(a.Last.Length > 0 ? a.Last : "none")}.") with
        {
            Advice = "The server's own log has what the archive command said. Until it works, no recovery reaches past the last file, and the log fills the disk.",
        };
}
