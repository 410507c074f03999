using System.Data;
using System.Globalization;
using System.Text;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Sessions;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>Gets a piece of what a server sends.</summary>
internal delegate void PieceTaker(ReadOnlySpan<byte> piece);

/// <summary>A session with a running server, and the ways in which its programs are told how to reach it: never by an argument that is secret.</summary>
internal sealed class PostgresServer : IDisposable
{
    private readonly ConnectionSettings settings;
    private readonly OpenConnection open;
    private readonly CancellationToken cancellation;

    /// <summary>Whether what is set holds for the one transaction only that the session consists of.</summary>
    private readonly bool local;
    private readonly string searchPath;
    private readonly bool isSuperuser;
    private volatile NpgsqlCommand? running;

    private PostgresServer(ConnectionSettings settings, OpenConnection open, bool local, CancellationToken cancellation)
    {
        this.settings = settings.Only(open.Host);
        this.open = open;
        this.local = local;
        this.cancellation = cancellation;
        if (local)
        {
            Execute("BEGIN READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0");
        }

        var began = SessionSettings.Apply(this, local);
        searchPath = settings.SearchPath ?? began;
        Version = Scalar<int>("SHOW server_version_num");
        EncodingName = Scalar<string>("SHOW server_encoding");
        isSuperuser = Scalar<string>("SHOW is_superuser") == "on";
        System = unchecked((ulong)Scalar<long>("SELECT system_identifier FROM pg_control_system()"));
        IsPooled = Scalar<int>("SELECT pg_backend_pid()") != Connection.ProcessID;
    }

    public NpgsqlConnection Connection => open.Connection;

    /// <summary>As <c>server_version_num</c>, such as 150018.</summary>
    public int Version { get; }

    public ulong System { get; }

    /// <summary>Whether something stands between that lends server sessions: another process answers than the one that greeted us.</summary>
    public bool IsPooled { get; }

    public string Database => Connection.Database;

    /// <summary>The encoding of the database as the server names it, such as <c>LATIN1</c>: in it programs write what they dump.</summary>
    public string EncodingName { get; }

    /// <summary>Connects.</summary>
    /// <param name="connectionString">In any of the forms of <see cref="PostgresConnectionString"/>.</param>
    /// <param name="database">Another database than the string names.</param>
    /// <param name="cancellation">Ends the attempt, and later any statement that runs.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled meanwhile.</exception>
    public static PostgresServer Connect(string connectionString, string? database = null, CancellationToken cancellation = default)
    {
        var settings = PostgresConnectionString.Parse(connectionString);
        return Connect(database is null ? settings : settings.WithDatabase(database), cancellation);
    }

    /// <summary>Connects; the settings hold for the session.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>.</exception>
    public static PostgresServer Connect(ConnectionSettings settings, CancellationToken cancellation = default) => Begin(settings, local: false, cancellation);

    /// <summary>Connects to look: all that is asked is one transaction that changes nothing, and nothing stays set behind it, also not in a pool.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>.</exception>
    public static PostgresServer Look(ConnectionSettings settings, CancellationToken cancellation) => Begin(settings, local: true, cancellation);

    /// <summary>
    /// Connects for a restore, but not through a database that is to be replaced: this very session would be in the way. Who
    /// restores is told all that the server says of what does not come back.
    /// </summary>
    public static PostgresServer ConnectBeside(string connectionString, string database, CancellationToken cancellation = default) =>
        Connect(PostgresConnectionString.Parse(connectionString).WithDatabase(database == "postgres" ? "template1" : "postgres").WithErrorDetail(), cancellation);

    /// <summary>Another connection to the same server.</summary>
    public PostgresServer ConnectTo(string database) => Connect(settings.WithDatabase(database), cancellation);

    /// <summary>Tells what of the connection string means nothing here, and what a pool between may do.</summary>
    public void Tell(IOperationSink sink)
    {
        if (settings.Ignored.Count > 0)
        {
            sink.Warn($"These parameters of the connection string are not for PostgreSQL and were ignored: {string.Join(", ", settings.Ignored)}.");
        }

        if (IsPooled)
        {
            sink.Warn($"{Place} is a connection pool and not PostgreSQL itself. Where it lends a server for each transaction, settings of this work and of PostgreSQL's programs can reach other clients. Connect to the server itself.");
        }
    }

    /// <summary>What client programs read: everything that they need, the password among it, as an environment.</summary>
    /// <remarks>Programs that run side by side are started from several threads, so the session is not asked.</remarks>
    public Dictionary<string, string> ClientEnvironment()
    {
        var parameters = ClientParameters();
        if (parameters.ContainsKey("sslpassword"))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "PostgreSQL's programs cannot be given sslpassword without showing it in the list of processes. Use a client key without a passphrase that only this user may read.");
        }

        return parameters.Where(p => ConnectionKeywords.VariableOf(p.Key) is not null).ToDictionary(p => ConnectionKeywords.VariableOf(p.Key)!, p => p.Value);
    }

    /// <summary>The same by the names that PostgreSQL's client library gives its parameters.</summary>
    public Dictionary<string, string> ClientParameters()
    {
        var parameters = settings.WithDatabase(Database).ForClients(open.Host);
        if ((open.TakesOptions ? SessionSettings.ClientOptions(settings.Options, isSuperuser) : settings.Options) is { Length: > 0 } options)
        {
            parameters["options"] = options;
        }

        return parameters;
    }

    /// <summary>Lets the user's own SQL mean what it means in psql; what comes after it on this session is the user's too.</summary>
    public void ForUserSql() => SessionSettings.ForUserSql(this, searchPath, local);

    /// <summary>Ends the statement that runs, from any thread; it throws where it was called.</summary>
    public void Cancel() => running?.Cancel();

    /// <exception cref="OperationCanceledException">As for every statement: the token that it was connected with was cancelled meanwhile.</exception>
    public T Scalar<T>(string sql, params object[] values) => Run(sql, values, command =>
        (T)Convert.ChangeType(command.ExecuteScalar() ?? throw new InvalidOperationException($"'{sql}' gave nothing."), typeof(T), CultureInfo.InvariantCulture));

    public void Execute(string sql, params object[] values) => Run(sql, values, command => command.ExecuteNonQuery());

    public List<T> Rows<T>(string sql, Func<NpgsqlDataReader, T> read, params object[] values) => Run(sql, values, command =>
    {
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    });

    /// <summary>Has the server send what a <c>COPY … TO STDOUT</c> gives.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="take">Gets one piece after the other.</param>
    /// <param name="size">The largest size of a piece.</param>
    /// <param name="stop">Ends it, beside the token that was connected with.</param>
    public void CopyOut(string sql, PieceTaker take, int size, CancellationToken stop)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stop);
        try
        {
            // The driver decodes the text, which need not be in any encoding; what it decodes from has the bytes.
            using var text = (StreamReader)Connection.BeginTextExportAsync(sql, both.Token).GetAwaiter().GetResult();
            var (rows, piece) = (text.BaseStream, new byte[size]);
            for (var read = rows.Read(piece); read > 0; read = rows.Read(piece))
            {
                both.Token.ThrowIfCancellationRequested();
                take(piece.AsSpan(0, read));
            }
        }
        catch (NpgsqlException e) when (both.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, both.Token);
        }
    }

    /// <summary>Begins to send rows for a <c>COPY … FROM STDIN</c>. They are there when the writer is disposed of, which throws what the server says.</summary>
    /// <returns>The writer, and the stream behind it for rows that are bytes already.</returns>
    public (IDisposable Copy, Stream Rows) CopyIn(string sql)
    {
        var writer = (StreamWriter)Connection.BeginTextImport(sql);
        return (writer, writer.BaseStream);
    }

    /// <summary>The first value of the first row; null where there is none.</summary>
    public object? First(string sql) => FirstOfEach(sql) is [var first, ..] ? first : null;

    /// <summary>As <see cref="SqlAnswer.FirstOfEach"/>. The answer of a single statement is cut off after its first row, for it may have no end.</summary>
    /// <remarks>A value of a type that the driver does not know, such as a composite, comes as its text.</remarks>
    public IReadOnlyList<object?> FirstOfEach(string sql)
    {
        try
        {
            return FirstOfEach(sql, asText: false);
        }
        catch (Exception e) when (e is InvalidCastException or NotSupportedException)
        {
            return FirstOfEach(sql, asText: true);
        }
    }

    /// <summary>Connects again where the connection is lost; what else was set on the session is lost too.</summary>
    /// <returns>Whether it was lost.</returns>
    public bool Reopen()
    {
        if (Connection.State == ConnectionState.Open)
        {
            return false;
        }

        Connection.Close();
        Connection.OpenAsync(cancellation).GetAwaiter().GetResult();
        SessionSettings.Apply(this, local);
        return true;
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
    public bool IsHere => open.Host.IsSocket;

    /// <summary>Whether it may be on this machine: what listens here can be a container, or a tunnel to elsewhere.</summary>
    public bool MayBeHere => IsHere || open.Host.Target is "localhost" or "127.0.0.1" or "::1";

    /// <summary>The server in words.</summary>
    public string Place => PostgresPlace.Describe(settings, null);

    /// <summary>One of its databases in words.</summary>
    public string PlaceOf(string database) => PostgresPlace.Describe(settings, database);

    /// <summary>The server and database in words, without anything secret.</summary>
    public string Describe() => PostgresPlace.Describe(settings, Database);

    public MaintenanceException Wrap(NpgsqlException e) => new(ErrorCode.DatabaseError, $"PostgreSQL reports on {Describe()}: {e.Message}", Describe(), e);

    public void Dispose()
    {
        try
        {
            if (IsPooled && !local)
            {
                // Whoever gets this server from the pool next must not have our settings.
                Execute("ROLLBACK; RESET ALL");
            }
        }
        catch (NpgsqlException)
        {
            // It is gone, and what was set with it.
        }

        open.Dispose();
    }

    private static PostgresServer Begin(ConnectionSettings settings, bool local, CancellationToken cancellation)
    {
        var server = Begin(settings, settings, local, cancellation);
        if (server.Connection.PostgresParameters.GetValueOrDefault("server_encoding") != BytesEncoding.Database)
        {
            return server;
        }

        server.Dispose();
        return Begin(settings, settings.WithBytes(), local, cancellation);
    }

    /// <param name="settings">Those that further sessions begin with.</param>
    /// <param name="own">Those of this one.</param>
    /// <param name="local">Whether it is one transaction.</param>
    /// <param name="cancellation">Ends it.</param>
    private static PostgresServer Begin(ConnectionSettings settings, ConnectionSettings own, bool local, CancellationToken cancellation)
    {
        var open = ServerConnector.Open(own, cancellation);
        try
        {
            return new PostgresServer(settings, open, local, cancellation);
        }
        catch (NpgsqlException e)
        {
            open.Dispose();
            cancellation.ThrowIfCancellationRequested();
            throw new MaintenanceException(ErrorCode.ServerUnavailable, $"PostgreSQL at {open.Host.Authority} answers with an error: {e.Message}", PostgresPlace.Describe(settings.Only(open.Host), settings.Database), e);
        }
        catch
        {
            open.Dispose();
            throw;
        }
    }

    /// <summary>The first value of a row. Where all come as texts, those that mean nothing or false to PostgreSQL still do.</summary>
    private static object? ValueOf(System.Data.Common.DbDataReader reader)
    {
        var value = reader.GetValue(0);
        return value is not string text ? value : reader.GetDataTypeName(0) switch
        {
            "boolean" => text == "t",
            "bytea" when text == "\\x" => "",
            _ => text,
        };
    }

    private List<object?> FirstOfEach(string sql, bool asText) => Run(sql, [], command =>
    {
        command.AllResultTypesAreUnknown = asText;
        using var reader = command.ExecuteReader();
#pragma warning disable CS0618 // A batch is told its statements apart; how many a user's text has, only the driver knows.
        if (reader.Statements.Count > 1)
#pragma warning restore CS0618
        {
            return SqlAnswer.FirstOfEach(reader, ValueOf);
        }

        List<object?> first = reader.FieldCount == 0 ? [] : [reader.Read() ? ValueOf(reader) : null];
        if (reader.Read())
        {
            // Closing a reader reads what is left.
            command.Cancel();
        }

        return first;
    });

    /// <summary>What is run after the work was cancelled tidies up behind it, and is not stopped.</summary>
    private T Run<T>(string sql, object[] values, Func<NpgsqlCommand, T> run)
    {
        using var command = Command(sql, values);
        using var stop = cancellation.IsCancellationRequested ? default : cancellation.Register(command.Cancel);
        try
        {
            return run(command);
        }
        catch (NpgsqlException e) when (stop.Token.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, cancellation);
        }
    }

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
