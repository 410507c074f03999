namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Where a new rule is registered.</summary>
internal static class RuleBook
{
    /// <summary>
    /// All rules. The cache rule counts before anything is read, and what reads tables to confirm an estimate comes last; what
    /// that reads counts along at the next look.
    /// </summary>
    public static IReadOnlyList<Rule> Rules { get; } =
    [
        new("CacheHitRatio", CacheRule.Look),
        new("DeadRows", VacuumRules.DeadRows),
        new("InsertedRows", VacuumRules.InsertedRows),
        new("StaleStatistics", VacuumRules.StaleStatistics),
        new("StaleStatistics", VacuumRules.PartitionedStatistics),
        new("Wraparound", WraparoundRules.Tables),
        new("Wraparound", WraparoundRules.Databases),
        new("InvalidIndex", InvalidIndexRule.Look),
        new("UnusedIndex", IndexRules.Unused),
        new("DuplicateIndex", IndexRules.Duplicate),
        new("MissingForeignKeyIndex", ForeignKeyRule.Look),
        new("SequenceNearEnd", SequenceRule.Look),
        new("TopRelation", SizeRules.Top),
        new("Blocking", ActivityRules.Blocking),
        new("LongTransaction", ActivityRules.LongTransaction),
        new("PreparedTransaction", ActivityRules.Prepared),
        new("Connections", ActivityRules.Connections),
        new("ReplicationLag", ReplicationRules.Lag),
        new("ReplicationSlot", ReplicationRules.Slots),
        new("ArchiveFailing", ReplicationRules.Archive),
        new("WalSize", SizeRules.Wal),
        new("SlowStatement", StatementRule.Look),
        new("Setting", SettingRules.Look),
        new("TableBloat", BloatRules.Tables),
        new("IndexBloat", BloatRules.Indexes),
    ];
}
