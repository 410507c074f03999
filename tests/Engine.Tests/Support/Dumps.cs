using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Dumps of a test's server, and their way back.</summary>
internal static class Dumps
{
    public static Snapshot Dump(this Repository repository, PostgresCluster cluster, params string[] databases) =>
        new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionString, new PostgresDumpOptions { Databases = databases }, new BackupOptions { Source = "pg" });

    public static RestoreResult PlayBack(this Repository repository, PostgresCluster cluster, Snapshot snapshot, RestoreOptions options, IOperationSink? sink = null) =>
        new SnapshotRestore(repository, sink ?? SilentSink.Instance).Run(snapshot, options with { ConnectionString = cluster.ConnectionString });

    public static T In<T>(this PostgresCluster cluster, string database, string sql) => PostgresCluster.Query<T>(sql, cluster.ConnectionTo(database));

    /// <summary>Databases and schemas that a restore made for itself and should have removed.</summary>
    public static long Leftovers(this PostgresCluster cluster, string database) =>
        cluster.Query<long>("SELECT count(*) FROM pg_database WHERE datname LIKE 'mops\\_%'") + cluster.In<long>(database, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'mops\\_%'");
}
