using MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;
using MaintenanceOps.Engine.Databases.Upkeep;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>One look at a database: the connection and facts that every rule asks, and how a finding about it begins.</summary>
internal sealed record Inspection(SqliteConnection Connection, DatabaseFile File, string Place, DatabasePast? Past, CancellationToken Cancellation)
{
    public List<DatabaseFinding> Run(LockTurns turns)
    {
        var findings = turns.Reading(Connection, Read);

        // It tries the write lock, so it stands outside the transaction.
        findings.AddRange(OutgrownRules.Look(this));
        return findings;
    }

    /// <summary>Where a new rule is registered.</summary>
    private List<DatabaseFinding> Read()
    {
        var tables = Schema.Tables(Connection, Cancellation);
        var statistics = Statistics.Read(Connection);
        return
        [
            .. SpaceRules.Look(this),
            .. HistoryRules.Look(this),
            .. LogRules.Look(this),
            .. StatisticsRules.Look(this, tables, statistics),
            .. ForeignKeyRule.Look(this, tables),
            .. DuplicateIndexRule.Look(this, tables),
            .. SelectivityRule.Look(this, tables, statistics),
        ];
    }

    public DatabaseFinding Finding(FindingSeverity severity, string rule, string message, string about = "") => new()
    {
        Severity = severity,
        Rule = rule,
        Engine = DatabaseEngine.Sqlite,
        Database = Place,
        Path = Place,
        Object = about,
        Message = message,
    };
}
