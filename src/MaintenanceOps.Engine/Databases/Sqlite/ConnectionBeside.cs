using System.Data;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>A connection to a database that others use, and may replace while it is open.</summary>
internal sealed class ConnectionBeside(string connectionString) : SqliteConnection(connectionString)
{
    public override void Close()
    {
        if (State == ConnectionState.Open && SqliteNative.HasMoved(Handle!))
        {
            // Whatever log has the name by now belongs to another database.
            this.KeepLog();
        }

        base.Close();
    }
}
