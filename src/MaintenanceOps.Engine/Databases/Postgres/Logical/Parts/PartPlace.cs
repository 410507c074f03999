namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Whether the place where a part goes is free.</summary>
internal static class PartPlace
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public static void RequireFreeSchema(PostgresServer live, string schema)
    {
        if (HasSchema(live, schema))
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{live.Database}' has a schema \"{schema}\". Give -As another name, or -Force to replace it; the old one is kept beside it.", schema);
        }
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public static void RequireFreeTable(PostgresServer live, TableName table)
    {
        if (KindOf(live, table) is { } kind)
        {
            throw new MaintenanceException(
                ErrorCode.DestinationInUse,
                kind is "r" or "p"
                    ? $"'{live.Database}' has a table {table.Quoted}. Give -As another name, or -Force to replace it; the old one is kept beside it."
                    : $"'{live.Database}' has something else than a table under the name {table.Quoted}. Give -As another name.",
                table.ToString());
        }
    }

    public static bool HasSchema(PostgresServer live, string schema) => live.Scalar<long>("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1", schema) > 0;

    /// <summary>What has the name, as <c>relkind</c>; null where nothing has.</summary>
    public static string? KindOf(PostgresServer live, TableName table) => live.Rows(
        "SELECT c.relkind::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2",
        r => r.GetString(0),
        table.Schema,
        table.Name).FirstOrDefault();
}
