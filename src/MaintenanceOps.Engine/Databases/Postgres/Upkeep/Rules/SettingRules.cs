using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Settings that hurt sooner or later.</summary>
internal static class SettingRules
{
    private const long SillyMemory = 1L << 30;
    private const long TinyMemory = 1L << 20;
    private const long SmallLog = 1L << 30;

    /// <summary>Fewer checkpoints show nothing.</summary>
    private const long EnoughCheckpoints = 20;

    /// <summary>This session has a time-out of its own; the one of other sessions is what a reset would bring back.</summary>
    private const string Sql = """
        SELECT name, CASE WHEN name = 'idle_in_transaction_session_timeout' THEN reset_val ELSE setting END, coalesce(unit, ''), pending_restart FROM pg_settings
        WHERE name IN ('fsync', 'full_page_writes', 'autovacuum', 'track_counts', 'synchronous_commit', 'data_checksums', 'wal_level',
          'idle_in_transaction_session_timeout', 'work_mem', 'max_connections', 'max_wal_size') OR pending_restart
        """;

    public static IEnumerable<DatabaseFinding> Look(Inspection inspection)
    {
        var settings = inspection.Rows(Sql, r => (Name: r.GetString(0), Value: r.GetString(1), Unit: r.GetString(2), Pending: r.GetBoolean(3)));
        var values = settings.ToDictionary(s => s.Name, s => s.Value);
        return
        [
            .. Switches(inspection, values),
            .. Memory(inspection, values),
            .. Checkpoints(inspection, values),
            .. settings.Where(s => s.Pending).Select(s => Finding(inspection, FindingSeverity.Information, s.Name, "", $"{s.Name} was changed and waits for a restart of the server.", "")),
        ];
    }

    private static IEnumerable<DatabaseFinding> Switches(Inspection inspection, Dictionary<string, string> values)
    {
        (FindingSeverity Severity, string Name, string Bad, string Good, string Message, string Advice)[] switches =
        [
            (FindingSeverity.Error, "fsync", "off", "on", "fsync is off: a crash of the machine can destroy every database of the server.", "Only a server whose content can be thrown away may run so."),
            (FindingSeverity.Error, "full_page_writes", "off", "on", "full_page_writes is off: a page that a crash leaves half-written cannot be mended.", "Only a file system that never tears a page allows it."),
            (FindingSeverity.Warning, "autovacuum", "off", "on", "autovacuum is off: dead rows and old statistics stay until somebody vacuums by hand.", "Make it cheaper where it disturbs, with autovacuum_vacuum_cost_limit, and do not switch it off."),
            (FindingSeverity.Warning, "track_counts", "off", "on", "track_counts is off: autovacuum and these rules see no changes.", "Autovacuum works by these counters."),
            (FindingSeverity.Information, "synchronous_commit", "off", "on", "synchronous_commit is off: a crash loses the last transactions that were reported as committed.", "The database stays consistent. Where single transactions may be lost, set it for them alone."),
            (FindingSeverity.Information, "data_checksums", "off", "", "Data checksums are off: a page that rots on the disk is noticed late or never.", "pg_checksums --enable switches them on while the server is stopped."),
            (FindingSeverity.Warning, "wal_level", "minimal", "replica", "wal_level is minimal: there can be no base backup, no archive of the log and no standby.", "It takes a restart."),
            (FindingSeverity.Information, "idle_in_transaction_session_timeout", "0", "15min", "idle_in_transaction_session_timeout is 0: a forgotten transaction stays for ever.", "It stops vacuums and keeps its locks meanwhile."),
        ];
        return from s in switches
               where values.GetValueOrDefault(s.Name) == s.Bad
               select Finding(inspection, s.Severity, s.Name, s.Good, s.Message, s.Advice);
    }

    private static IEnumerable<DatabaseFinding> Memory(Inspection inspection, Dictionary<string, string> values)
    {
        var (memory, connections) = (Number(values, "work_mem") * 1024, Number(values, "max_connections"));
        if (memory >= SillyMemory)
        {
            yield return Finding(inspection, FindingSeverity.Warning, "work_mem", "64MB", $"work_mem is {ByteSize.Format(memory)}, and each sort of each of {connections} connections may take that much.", "The system ends the server when memory runs out. Set it high for the one role or statement that needs it.");
        }
        else if (memory is > 0 and < TinyMemory)
        {
            yield return Finding(inspection, FindingSeverity.Information, "work_mem", "4MB", $"work_mem is {ByteSize.Format(memory)}: almost each sort goes to the disk.", "");
        }
    }

    /// <summary>Checkpoints are asked for when the log is full, and each of them makes the next changes dearer.</summary>
    private static IEnumerable<DatabaseFinding> Checkpoints(Inspection inspection, Dictionary<string, string> values)
    {
        var size = Number(values, "max_wal_size") << 20;
        var sql = inspection.Version >= 170000 ? "SELECT num_timed, num_requested FROM pg_stat_checkpointer" : "SELECT checkpoints_timed, checkpoints_req FROM pg_stat_bgwriter";
        return from c in inspection.Rows(sql, r => (Timed: r.GetInt64(0), Requested: r.GetInt64(1)))
               where size is > 0 and <= SmallLog && c.Timed + c.Requested >= EnoughCheckpoints && c.Requested > c.Timed
               select Finding(
                   inspection, FindingSeverity.Warning, "max_wal_size", "4GB",
                   string.Create(CultureInfo.InvariantCulture, $"max_wal_size is {ByteSize.Format(size)}, and {c.Requested:#,0} of {c.Timed + c.Requested:#,0} checkpoints came early since it was full."),
                   "More of it spreads the writing; a recovery after a crash takes longer.");
    }

    private static long Number(Dictionary<string, string> values, string name) =>
        long.TryParse(values.GetValueOrDefault(name), NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) ? value : 0;

    private static DatabaseFinding Finding(Inspection inspection, FindingSeverity severity, string name, string good, string message, string advice) =>
        inspection.Finding(severity, "Setting", name, message) with
        {
            Sql = good.Length > 0 ? $"ALTER SYSTEM SET {name} = '{good}';" : "",
            Advice = advice,
        };
}
