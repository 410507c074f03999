using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>An index that a build or rebuild left behind: it costs with each write and serves no query.</summary>
/// <param name="Name">As SQL writes it.</param>
/// <param name="Table">As SQL writes it.</param>
/// <param name="Size">In bytes.</param>
/// <param name="IsLeftover">Whether it is the copy that a rebuild made or replaced, and the index itself is there.</param>
internal sealed partial record InvalidIndex(string Name, string Table, long Size, bool IsLeftover)
{
    /// <summary>
    /// Those that nobody builds right now: a build shows its table, or, to a user who may not see that, a lock on it.
    /// A new copy is one by its name and by another index of the same content beside it; an old one was replaced already.
    /// </summary>
    private static readonly string Sql = $"""
        WITH {CatalogSql.Locked}
        SELECT format('%I.%I', n.nspname, c.relname), format('%I.%I', n.nspname, t.relname), {CatalogSql.Size("pg_relation_size")}, c.relname::text,
          EXISTS (SELECT 1 FROM pg_index o WHERE o.indrelid = i.indrelid AND o.indexrelid <> i.indexrelid AND {IndexSql.Same("o", "i")})
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relpersistence <> 't' AND {CatalogSql.UserSchema}
          AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p
            WHERE p.datname = current_database() AND (p.relid = i.indrelid OR p.relid IS NULL AND EXISTS (
              SELECT 1 FROM pg_locks l WHERE l.pid = p.pid AND l.relation = i.indrelid AND l.mode = 'ShareUpdateExclusiveLock')))
        ORDER BY 1
        """;

    /// <summary>A copy is dropped; anything else is built again, since its definition may be nowhere else.</summary>
    public string Cure => IsLeftover ? $"DROP INDEX CONCURRENTLY {Name}" : $"REINDEX INDEX CONCURRENTLY {Name}";

    public static List<InvalidIndex> Read(UpkeepSession session, CancellationToken cancellation) => session.Rows(
        Sql,
        r => new InvalidIndex(r.GetString(0), r.GetString(1), r.GetInt64(2), OldName().IsMatch(r.GetString(3)) || (r.GetBoolean(4) && NewName().IsMatch(r.GetString(3)))),
        cancellation);

    [GeneratedRegex(@"_ccnew\d*$")]
    private static partial Regex NewName();

    [GeneratedRegex(@"_ccold\d*$")]
    private static partial Regex OldName();
}
