namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>Why a connection string cannot be used. The words never repeat any of it: whatever stands there may be a piece of a password.</summary>
internal static class ConnectionRefusal
{
    /// <param name="why">What is wrong and where, in a clause, without a word of the string.</param>
    public static MaintenanceException Because(string why) => new(
        ErrorCode.InvalidArgument,
        $"The connection string cannot be read: {why}. Write 'Host=db;Port=5432;Database=app;Username=app', 'host=db port=5432 dbname=app user=app' or 'postgresql://app@db:5432/app'.");
}
