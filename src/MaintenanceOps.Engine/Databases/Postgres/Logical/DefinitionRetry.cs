using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Makes definitions that the server refused because of the search path, in their order: to see that a generated column gives the
/// same each time, it looks into the function, and what is built on the table fails with it.
/// </summary>
internal static class DefinitionRetry
{
    /// <param name="player">What was played; errors that are mended are taken from it.</param>
    /// <param name="database">Where to.</param>
    /// <param name="facts">What is known of the database.</param>
    /// <param name="isLive">Whether the database has other code than what is restored.</param>
    public static void Run(DumpPlayer player, PostgresServer database, PostgresDatabase facts, bool isLive)
    {
        var retry = new OwnersRetry(database, facts);
        player.Errors.RemoveAll(error => retry.TryDefinition(error, isLive));
    }
}
