using System.Net.Sockets;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>Opens a connection to the first host that will do.</summary>
internal static class ServerConnector
{
    private const string ProtocolViolation = "08P01";

    /// <summary>Connects.</summary>
    /// <param name="settings">Where to and as whom.</param>
    /// <param name="cancellation">Ends the attempt at once.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>: no host answers, or none will do.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static OpenConnection Open(ConnectionSettings settings, CancellationToken cancellation)
    {
        var wanted = settings.Wanted;
        if (wanted.StartsWith("prefer-", StringComparison.Ordinal))
        {
            return Find(settings, wanted["prefer-".Length..], cancellation, out _) ?? Find(settings, "any", cancellation, out var failure) ?? throw failure!;
        }

        return Find(settings, wanted, cancellation, out var reason) ?? throw reason!;
    }

    /// <summary>A host that does not answer is passed over; one that answers and refuses ends it, as for the client library.</summary>
    private static OpenConnection? Find(ConnectionSettings settings, string wanted, CancellationToken cancellation, out MaintenanceException? failure)
    {
        failure = null;
        foreach (var host in settings.Hosts)
        {
            try
            {
                var opened = Connect(settings, host, cancellation);
                if (Fits(opened.Connection, wanted))
                {
                    return opened;
                }

                opened.Dispose();
                failure = Failure(settings, host, $"is not {wanted}, which target_session_attrs asks for", null);
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or SocketException)
            {
                cancellation.ThrowIfCancellationRequested();
                failure = Failure(settings, host, Words(e, settings.ConnectTimeout), e);
                if (e is PostgresException { SqlState: not (PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.TooManyConnections) })
                {
                    throw failure;
                }
            }
        }

        return null;
    }

    /// <summary>With our settings from the start; a connection pool may refuse those, and gets them as statements.</summary>
    private static OpenConnection Connect(ConnectionSettings settings, ServerHost host, CancellationToken cancellation)
    {
        var driver = settings.ForDriver(host);
        driver.Options = SessionSettings.StartupOptions(settings.Options);
        try
        {
            return Open(driver, host, takesOptions: true, cancellation);
        }
        catch (PostgresException e) when (e.SqlState is ProtocolViolation or PostgresErrorCodes.FeatureNotSupported)
        {
            driver.Options = settings.Options;
            return Open(driver, host, takesOptions: false, cancellation);
        }
    }

    private static OpenConnection Open(NpgsqlConnectionStringBuilder driver, ServerHost host, bool takesOptions, CancellationToken cancellation)
    {
        var builder = new NpgsqlDataSourceBuilder(driver.ConnectionString);

        // The driver's own query over the types would run before the session is ours.
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        if (host.Address is not null)
        {
            // The certificate is that of the name, whatever address is connected to.
            builder.UseSslClientAuthenticationOptionsCallback(options => options.TargetHost = host.Name);
        }

        var source = builder.Build();
        var opened = new OpenConnection(source, source.CreateConnection(), host, takesOptions);
        var opening = opened.Connection.OpenAsync(cancellation);
        try
        {
            // The driver does not give up at once where the server has taken the connection and says nothing.
            opening.WaitAsync(TimeSpan.FromSeconds(driver.Timeout), cancellation).GetAwaiter().GetResult();
            return opened;
        }
        catch
        {
            opening.ContinueWith(
                ended =>
                {
                    _ = ended.Exception;
                    opened.Dispose();
                },
                CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Asked without a function or an operator: the session is not ours yet.</summary>
    private static bool Fits(NpgsqlConnection connection, string wanted) => wanted switch
    {
        "read-write" => Show(connection, "transaction_read_only") == "off",
        "read-only" => Show(connection, "transaction_read_only") == "on",
        "primary" => !IsStandby(connection),
        "standby" => IsStandby(connection),
        _ => true,
    };

    private static bool IsStandby(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand("SELECT pg_catalog.pg_is_in_recovery()", connection);
        return (bool)command.ExecuteScalar()!;
    }

    private static string Show(NpgsqlConnection connection, string setting)
    {
#pragma warning disable CA2100 // One of two words.
        using var command = new NpgsqlCommand($"SHOW {setting}", connection);
#pragma warning restore CA2100
        return (string)command.ExecuteScalar()!;
    }

    /// <summary>A missing password or a refused encryption is found by the driver, after the server has answered.</summary>
    private static string Words(Exception e, TimeSpan limit) => e switch
    {
        TimeoutException or { InnerException: TimeoutException } => $"cannot be reached: it did not answer within {Duration.Format(limit)} (connect_timeout)",
        SocketException or { InnerException: SocketException } => $"cannot be reached: {e.Message}",
        _ => $"does not let us in: {e.Message}",
    };

    private static MaintenanceException Failure(ConnectionSettings settings, ServerHost host, string what, Exception? inner)
    {
        var only = settings.Only(host);
        return new MaintenanceException(ErrorCode.ServerUnavailable, $"PostgreSQL at {(host.IsSocket ? $"{host.Target}:{host.Port}" : host.Authority)} {what}", PostgresPlace.Describe(only, only.Database), inner);
    }
}
