namespace MaintenanceOps;

/// <summary>How a PostgreSQL server is backed up.</summary>
public enum PostgresMethod
{
    /// <summary>Databases as dumps: they restore into any newer server, whole or by the table.</summary>
    Logical,

    /// <summary>The whole cluster, page by page: the base of a point-in-time recovery.</summary>
    Physical,
}
