namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>When two rows of pg_index describe the same content.</summary>
internal static class IndexSql
{
    /// <summary>Everything that makes an index what it is, as one text. Columns that older servers do not have are asked for by name.</summary>
    public static string Content(string i) => $"""
        concat_ws('/', {i}.indkey, {i}.indnkeyatts, {i}.indclass, {i}.indcollation, {i}.indoption, {i}.indisunique, to_jsonb({i}) ->> 'indnullsnotdistinct',
          coalesce(pg_get_expr({i}.indpred, {i}.indrelid), '-'), coalesce(pg_get_expr({i}.indexprs, {i}.indrelid), '-'))
        """;

    public static string Same(string a, string b) => $"{Content(a)} = {Content(b)}";
}
