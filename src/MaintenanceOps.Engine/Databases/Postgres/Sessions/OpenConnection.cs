using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>A connection that is open, with nothing else on its source.</summary>
/// <param name="Source">What the driver made it from.</param>
/// <param name="Connection">The connection; it has run nothing yet but what <c>target_session_attrs</c> asks.</param>
/// <param name="Host">Where it leads.</param>
/// <param name="TakesOptions">Whether the server took our settings with the start, as it will from other programs.</param>
internal sealed record OpenConnection(NpgsqlDataSource Source, NpgsqlConnection Connection, ServerHost Host, bool TakesOptions) : IDisposable
{
    public void Dispose()
    {
        Connection.Dispose();
        Source.Dispose();
    }
}
