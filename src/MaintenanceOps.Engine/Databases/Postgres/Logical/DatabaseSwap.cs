using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Gives a filled database the name of a live one, which is kept under another. While the server renames a database it holds
/// a lock that every new session of it waits for; the sessions that are there are ended meanwhile. So no write is accepted
/// between the last look at the old database and the first at the new one, and there is no switch that a killed process
/// could leave turned off.
/// </summary>
internal sealed class DatabaseSwap(PostgresServer server, string target, bool force)
{
    /// <summary>How often a rename is tried that the server gives up after five seconds, because a session takes long to end.</summary>
    private const int Attempts = 4;

    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(100);

    /// <summary>Both renames in one transaction.</summary>
    /// <returns>The name under which the old database is kept.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>: somebody is connected to it; nothing was changed.</exception>
    public string Run(string filled)
    {
        RequireNothingPrepared();
        var kept = KeptName.Of(target, KeptName.Suffix(), name => server.Scalar<long>("SELECT count(*) FROM pg_catalog.pg_database WHERE datname = $1", name) > 0);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Rename(filled, kept);
                return kept;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ObjectInUse)
            {
                if (!force || attempt == Attempts)
                {
                    throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target}' on {server.Place} is in use, so it was not replaced: {e.Detail ?? e.MessageText} {(force ? "Stop what holds it." : "Stop the programs that use it, or end their sessions with -Force.")}", target, e);
                }
            }
        }
    }

    private void Rename(string filled, string kept)
    {
        var (from, to) = (PostgresServer.Quote(filled), PostgresServer.Quote(target));
        server.Execute("BEGIN");
        try
        {
            using (force ? EndSessions() : null)
            {
                server.Execute($"ALTER DATABASE {to} RENAME TO {PostgresServer.Quote(kept)}");
            }

            server.Execute($"ALTER DATABASE {from} RENAME TO {to}");
            server.Execute("COMMIT");
        }
        catch
        {
            server.Execute("ROLLBACK");
            throw;
        }
    }

    private void RequireNothingPrepared()
    {
        var prepared = server.Rows("SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = $1 LIMIT 5", r => r.GetString(0), target);
        if (prepared.Count > 0)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target}' on {server.Place} has prepared transactions ({string.Join(", ", prepared)}), and PostgreSQL renames no such database. Connect to it and end each with COMMIT PREPARED or ROLLBACK PREPARED.", target);
        }
    }

    /// <summary>Ends the sessions of the database again and again, on a connection of its own, while the rename waits for the last to go.</summary>
    private Stopping EndSessions() => new(server, target);

    private sealed class Stopping : IDisposable
    {
        private readonly CancellationTokenSource done = new();
        private readonly Task ending;

        public Stopping(PostgresServer server, string target)
        {
            var second = server.ConnectTo(server.Database);
            ending = Task.Run(() =>
            {
                using (second)
                {
                    do
                    {
                        End(second, target);
                    }
                    while (!done.Token.WaitHandle.WaitOne(Beat));
                }
            });
        }

        /// <summary>A session that may not be ended is told by the rename, which finds it there.</summary>
        private static void End(PostgresServer server, string target)
        {
            foreach (var session in server.Rows("SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = $1", r => r.GetInt32(0), target))
            {
                try
                {
                    server.Execute("SELECT pg_catalog.pg_terminate_backend($1)", session);
                }
                catch (PostgresException)
                {
                    // Another user's, or a superuser's.
                }
            }
        }

        public void Dispose()
        {
            done.Cancel();
            try
            {
                ending.GetAwaiter().GetResult();
            }
            catch (NpgsqlException)
            {
                // The connection was lost; the rename says whether it succeeded.
            }

            done.Dispose();
        }
    }
}
