using System.Globalization;
using MaintenanceOps.Engine.Files;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Opens SQLite databases so that looking at one changes nothing, and names what SQLite reports.</summary>
internal static class SqliteConnections
{
    private const int NoCheckpointOnClose = 1006;
    private const int LoadExtension = 1005;
    private const int Defensive = 1010;
    private const int QuotedStringsInQueries = 1013;
    private const int QuotedStringsInSchemas = 1014;
    private const int TrustedSchema = 1017;
    private const int LimitAttached = 7;
    private const int LimitInstructions = 5;

    /// <summary>
    /// A check of a schema with more tables than this many instructions can look at would take gigabytes: 32 bytes each.
    /// </summary>
    private const int MaxInstructions = 4_000_000;

    /// <summary>Instructions of SQLite's machine, or pages of an integrity check: well under a millisecond.</summary>
    private const int StepsBetweenLooks = 1000;

    static SqliteConnections() => Batteries_V2.Init();

    /// <summary>How long a lock of another process is waited for where the caller does not say.</summary>
    public static TimeSpan DefaultLockTimeout { get; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Opens an existing database beside its users. Closing the connection writes nothing into the database, even as the last one.
    /// </summary>
    public static SqliteConnection OpenBeside(string path, TimeSpan? lockTimeout = null)
    {
        if (!File.Exists(path))
        {
            throw Directory.Exists(path)
                ? new MaintenanceException(ErrorCode.NotADatabase, $"'{path}' is a folder. Invoke-FileBackup takes folders.", path)
                : new MaintenanceException(ErrorCode.PathNotFound, $"There is no database at '{path}'.", path);
        }

        RequireFile(path);
        if (new FileInfo(path).Length == 0)
        {
            throw new MaintenanceException(ErrorCode.DatabaseEmpty, $"'{path}' is empty: it has no table and no page. Is it the right file?", path);
        }

        // Read-write, because recovering a hot journal or an orphaned log needs it; a database on a read-only medium
        // falls back by itself. Whoever may write removes a file that has the name of a journal and is none.
        var connection = Open(path, SqliteLog.IsForeignJournal(path) ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWrite, lockTimeout, beside: true);
        if (File.Exists(path + "-wal") && new FileInfo(path + "-wal").Length > 0)
        {
            // Without this the last connection moves the log into the database. An empty log is left to the ordinary
            // close, which removes the files that opening made.
            connection.KeepLog();
        }

        return connection;
    }

    /// <summary>
    /// Opens an existing database without locks and without its log, for reading alone. Who reads has to see to it that
    /// nothing writes to the file meanwhile.
    /// </summary>
    public static SqliteConnection OpenUnlocked(string path)
    {
        var name = string.Join('/', path.Replace('\\', '/').Split('/').Select(Uri.EscapeDataString));
        return Open($"file:{(OperatingSystem.IsWindows() ? "/" : "")}{name}?immutable=1", SqliteOpenMode.ReadOnly, null);
    }

    /// <summary>
    /// Lets the connection leave the log where it is when it closes. Otherwise the last one moves it into the database and
    /// removes it, by its name: after another database was renamed over the path, that would be the log of the other one.
    /// </summary>
    public static void KeepLog(this SqliteConnection connection) =>
        raw.sqlite3_db_config(connection.Handle, NoCheckpointOnClose, 1, out _);

    /// <summary>Opens a database that nobody else uses, such as a restored one.</summary>
    public static SqliteConnection OpenAlone(string path, bool create = false) =>
        Open(path, create ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite, null);

    /// <summary>Makes sure that SQLite is loaded.</summary>
    public static void Initialize()
    {
        // The static constructor has done it.
    }

    /// <summary>Opens pages that were captured, for reading alone.</summary>
    /// <param name="uri">As <see cref="PageVfs"/> names them.</param>
    public static SqliteConnection OpenCaptured(string uri)
    {
        // Not read-only: a read-only connection does not read the check constraints of the schema, which are to be named.
        var connection = Open(uri, SqliteOpenMode.ReadWrite, null);
        raw.sqlite3_limit(connection.Handle, LimitAttached, 0);
        connection.Execute("PRAGMA query_only = ON");
        PrepareForChecks(connection);
        return connection;
    }

    /// <summary>
    /// Lets a connection check a database that somebody else made: cells are looked at, and nothing that the schema says
    /// is run. A <c>CHECK</c> that does not hold was broken by the application, as a foreign key is, and may call anything.
    /// </summary>
    public static void PrepareForChecks(SqliteConnection connection)
    {
        raw.sqlite3_limit(connection.Handle, LimitInstructions, MaxInstructions);
        raw.sqlite3_db_config(connection.Handle, QuotedStringsInQueries, 1, out _);
        raw.sqlite3_db_config(connection.Handle, QuotedStringsInSchemas, 1, out _);
        connection.Execute("PRAGMA cell_size_check = ON; PRAGMA ignore_check_constraints = ON; PRAGMA temp_store = MEMORY");
    }

    /// <summary>
    /// Ends the connection's statements when the token is cancelled: the one that runs, and any that begins later. An
    /// interrupt from outside would miss a statement that has not begun yet.
    /// </summary>
    public static void CancelOn(this SqliteConnection connection, CancellationToken token) =>
        raw.sqlite3_progress_handler(connection.Handle, StepsBetweenLooks, _ => token.IsCancellationRequested ? 1 : 0, null);

    public static void Execute(this SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Statements are made here; names in them are quoted by Quote.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    public static T Scalar<T>(this SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100
        command.CommandText = sql;
#pragma warning restore CA2100
        return (T)Convert.ChangeType(command.ExecuteScalar() ?? throw new InvalidOperationException($"'{sql}' gave nothing."), typeof(T), CultureInfo.InvariantCulture);
    }

    public static List<T> Column<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> read)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100
        command.CommandText = sql;
#pragma warning restore CA2100
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

    /// <summary>Turns what SQLite reports about a database into the engine's codes.</summary>
    public static MaintenanceException Wrap(SqliteException e, string path) => e.SqliteErrorCode switch
    {
        SqliteNative.Busy or SqliteNative.Locked => new(ErrorCode.DatabaseBusy, $"'{path}' is locked by another process. Wait until it is done, or raise the lock time-out.", path, e),
        SqliteNative.NotADatabase => new(ErrorCode.NotADatabase, $"'{path}' is not a SQLite database, or an extension encrypts it (as SQLCipher does).", path, e),
        SqliteNative.Corrupt => new(ErrorCode.DatabaseCorrupt, $"'{path}' is damaged: {e.Message} Restore the newest verified snapshot.", path, e),
        SqliteNative.Full => new(ErrorCode.DiskFull, $"There is no space left for '{path}'.", path, e),
        SqliteNative.Interrupt => new(ErrorCode.Cancelled, $"The work on '{path}' was cancelled.", path, e),
        SqliteNative.CantOpen => new(ErrorCode.AccessDenied, $"SQLite cannot open '{path}' or the log beside it. The folder must be writable for a database in WAL mode, and the file readable.", path, e),
        SqliteNative.ReadOnly => new(ErrorCode.AccessDenied, $"'{path}' can be read only by who may write it and its folder: it has a write-ahead log, or a journal to roll back. Check the rights on both.", path, e),
        SqliteNative.InputOutput => new(ErrorCode.InputOutput, $"SQLite cannot read or write '{path}': {e.Message} Look at the disk, and at the limits of the process.", path, e),
        _ => new(ErrorCode.DatabaseError, $"SQLite reports on '{path}': {e.Message}", path, e),
    };

    /// <summary>A pipe would keep its reader waiting for ever, and a device has no end: neither is opened.</summary>
    private static void RequireFile(string path)
    {
        if (SourceFiles.Of(path).Database is { } found && found.Kind.IsSpecial())
        {
            throw new MaintenanceException(ErrorCode.NotADatabase, $"'{path}' is a pipe, a socket or a device, and no database. Name the database file.", path);
        }
    }

    /// <summary>
    /// A database may come from anybody. Its views, triggers, generated columns and checks must not call what reaches
    /// outside of it, nor may statements of ours write into its internals. Texts in double quotes, which SQLite took for
    /// texts when the schema was made, stay what they are.
    /// </summary>
    private static void Distrust(SqliteConnection connection)
    {
        raw.sqlite3_db_config(connection.Handle, QuotedStringsInSchemas, 1, out _);
        raw.sqlite3_db_config(connection.Handle, TrustedSchema, 0, out _);
        raw.sqlite3_db_config(connection.Handle, Defensive, 1, out _);
        raw.sqlite3_db_config(connection.Handle, LoadExtension, 0, out _);
    }

    private static SqliteConnection Open(string path, SqliteOpenMode mode, TimeSpan? lockTimeout, bool beside = false)
    {
        var timeout = lockTimeout ?? DefaultLockTimeout;
        var text = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = mode,
            Pooling = false,
            DefaultTimeout = Math.Max(1, (int)Math.Ceiling(timeout.TotalSeconds)),
        }.ToString();
        var connection = beside ? new ConnectionBeside(text) : new SqliteConnection(text);
        try
        {
            connection.Open();
            Distrust(connection);
            return connection;
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw Wrap(e, path);
        }
    }
}
