namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Where a new rule is registered.</summary>
internal static class RuleBook
{
    /// <summary>
    /// All rules, new for each inspection. The cache rule measures over what stands between its two halves; what reads
    /// tables to confirm an estimate comes behind it, so that we do not measure ourselves.
    /// </summary>
    public static IEnumerable<Rule> Rules()
    {
        var cache = new CacheRule();
        return
        [
            new("CacheHitRatio", cache.Begin),
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
            new("CacheHitRatio", cache.End),
            new("TableBloat", BloatRules.Tables),
            new("IndexBloat", BloatRules.Indexes),
        ];
    }
}
