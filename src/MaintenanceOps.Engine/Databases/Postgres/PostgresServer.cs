using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>A running server, and the ways in which its programs are told how to reach it: never by an argument that is secret.</summary>
internal sealed class PostgresServer : IDisposable
{
    private readonly NpgsqlConnectionStringBuilder settings;
    private volatile NpgsqlCommand? running;

    private PostgresServer(NpgsqlConnectionStringBuilder settings, NpgsqlConnection connection)
    {
        this.settings = settings;
        Connection = connection;
        Version = Scalar<int>("SELECT current_setting('server_version_num')::int");
        System = unchecked((ulong)Scalar<long>("SELECT system_identifier FROM pg_control_system()"));
    }

    public NpgsqlConnection Connection { get; }

    /// <summary>As <c>server_version_num</c>, such as 150018.</summary>
    public int Version { get; }

    public ulong System { get; }

    public string Database => Connection.Database;

    /// <summary>Connects.</summary>
    /// <param name="connectionString">An Npgsql string (<c>Host=…;Username=…</c>) or a URI (<c>postgresql://…</c>).</param>
    /// <param name="database">Another database than the string names.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static PostgresServer Connect(string connectionString, string? database = null)
    {
        var settings = PostgresConnectionString.Parse(connectionString);
        settings.Pooling = false;
        settings.ApplicationName = "mops";
        settings.Database = database ?? settings.Database ?? settings.Username;
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            connection.Open();
            return new PostgresServer(settings, connection);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            connection.Dispose();
            // A missing password or a refused encryption is found by the driver, after the server has answered.
            var what = e is TimeoutException || e.InnerException is SocketException or TimeoutException ? "cannot be reached" : "does not let us in";
            throw new MaintenanceException(ErrorCode.ServerUnavailable, $"PostgreSQL at {settings.Host}:{settings.Port} {what}: {e.Message}", Describe(settings), e);
        }
    }

    /// <summary>Connects, but not through a database that is to be replaced: this very session would be in the way.</summary>
    public static PostgresServer ConnectBeside(string connectionString, string database) => Connect(connectionString, database == "postgres" ? "template1" : "postgres");

    /// <summary>Another connection to the same server.</summary>
    public PostgresServer ConnectTo(string database) => Connect(settings.ConnectionString, database);

    /// <summary>What client programs read: everything that they need, the password among it, as an environment.</summary>
    public Dictionary<string, string> ClientEnvironment() => ClientParameters().ToDictionary(
        p => p.Key switch
        {
            "dbname" => "PGDATABASE",
            "application_name" => "PGAPPNAME",
            var name => "PG" + name.ToUpperInvariant(),
        },
        p => p.Value);

    /// <summary>The same by the names that PostgreSQL's client library gives its parameters.</summary>
    public Dictionary<string, string> ClientParameters()
    {
        (string Name, string? Value)[] parameters =
        [
            ("host", settings.Host),
            ("port", settings.Port.ToString(CultureInfo.InvariantCulture)),
            ("dbname", Database),
            ("application_name", settings.ApplicationName),
            ("user", settings.Username),
            ("password", settings.Password),
            ("passfile", settings.Passfile),
            ("sslmode", settings.SslMode switch
            {
                SslMode.VerifyCA => "verify-ca",
                SslMode.VerifyFull => "verify-full",
                var mode => mode.ToString().ToLowerInvariant(),
            }),
            ("sslrootcert", settings.RootCertificate),
        ];
        return parameters.Where(p => !string.IsNullOrEmpty(p.Value)).ToDictionary(p => p.Name, p => p.Value!);
    }

    /// <summary>Ends the statement that runs, from any thread; it throws where it was called.</summary>
    public void Cancel() => running?.Cancel();

    public T Scalar<T>(string sql, params object[] values)
    {
        using var command = Command(sql, values);
        return (T)Convert.ChangeType(command.ExecuteScalar() ?? throw new InvalidOperationException($"'{sql}' gave nothing."), typeof(T), CultureInfo.InvariantCulture);
    }

    /// <summary>The first value of the first row; null where there is none. An answer that goes on is cut off.</summary>
    public object? First(string sql)
    {
        using var command = Command(sql, []);
        using var reader = command.ExecuteReader();
        var first = reader.Read() && reader.FieldCount > 0 ? reader.GetValue(0) : null;
        if (reader.Read())
        {
            // Closing a reader reads what is left, which may have no end.
            command.Cancel();
        }

        return first;
    }

    public void Execute(string sql, params object[] values)
    {
        using var command = Command(sql, values);
        command.ExecuteNonQuery();
    }

    public List<T> Rows<T>(string sql, Func<NpgsqlDataReader, T> read, params object[] values)
    {
        using var command = Command(sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>A name as SQL writes it, whatever characters it has.</summary>
    public static string Quote(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    /// <summary>A value as SQL writes it.</summary>
    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A database as a connection string: a name alone could be taken for one.</summary>
    public static string ConnectionOf(string database) => $"dbname='{database.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";

    /// <summary>A name's beginning of at most so many bytes, which is what PostgreSQL counts; no letter is cut in two.</summary>
    public static string Shorten(string name, int bytes)
    {
        while (Encoding.UTF8.GetByteCount(name) > bytes)
        {
            name = name[..^(char.IsLowSurrogate(name[^1]) ? 2 : 1)];
        }

        return name;
    }

    /// <summary>Whether it is reached by a socket, and so sees the files of this machine.</summary>
    public bool IsHere => settings.Host is ['/', ..];

    /// <summary>Whether it may be on this machine: what listens here can be a container, or a tunnel to elsewhere.</summary>
    public bool MayBeHere => IsHere || settings.Host is "localhost" or "127.0.0.1" or "::1";

    /// <summary>The server in words.</summary>
    public string Place => PostgresPlace.Describe(settings, null);

    /// <summary>One of its databases in words.</summary>
    public string PlaceOf(string database) => PostgresPlace.Describe(settings, database);

    /// <summary>The server and database in words, without anything secret.</summary>
    public string Describe() => Describe(settings);

    public MaintenanceException Wrap(NpgsqlException e) => new(ErrorCode.DatabaseError, $"PostgreSQL reports on {Describe()}: {e.Message}", Describe(), e);

    public void Dispose() => Connection.Dispose();

    private static string Describe(NpgsqlConnectionStringBuilder settings) => PostgresPlace.Describe(settings, settings.Database);

    private NpgsqlCommand Command(string sql, object[] values)
    {
#pragma warning disable CA2100 // Statements are made here; names in them are quoted by Quote, values are parameters.
        var command = new NpgsqlCommand(sql, Connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        foreach (var value in values)
        {
            command.Parameters.AddWithValue(value);
        }

        running = command;
        return command;
    }
}
