using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Runner.Demo;

/// <summary>
/// A small application as people host it: a SQLite database in WAL mode, a folder of configuration and one of uploads,
/// and somebody who writes all the time.
/// </summary>
internal sealed class NotesApplication : IDisposable
{
    private const int Notes = 40_000;
    private const int Batch = 4_000;
    private readonly string connectionString;
    private readonly CancellationTokenSource stop = new();
    private Thread? writer;
    private Exception? failure;
    private long written;

    public NotesApplication(string folder)
    {
        Folder = folder;
        Database = Path.Combine(folder, "notes.db");

        // No pool: a connection that is closed is closed, as when a real application stops.
        connectionString = new SqliteConnectionStringBuilder { DataSource = Database, Pooling = false, DefaultTimeout = 30 }.ToString();
    }

    public string Folder { get; }

    public string Database { get; }

    public string Configuration => Path.Combine(Folder, "config");

    public string Uploads => Path.Combine(Folder, "uploads");

    /// <summary>Rows that the writer has committed since it started.</summary>
    public long Written => Volatile.Read(ref written);

    /// <summary>Makes the database and the folders.</summary>
    public void Build(CancellationToken cancellation)
    {
        Directory.CreateDirectory(Configuration);
        Directory.CreateDirectory(Path.Combine(Uploads, "2026"));
        File.WriteAllText(Path.Combine(Configuration, "settings.json"), """{ "title": "Notes", "language": "en", "pageSize": 50 }""");
        File.WriteAllText(Path.Combine(Configuration, "log.yaml"), "level: information\nkeep: 14d\n");
        var random = new Random(1);
        for (var i = 0; i < 40; i++)
        {
            AddUpload($"2026/picture-{i:d2}.jpg", 20_000 + random.Next(120_000), random);
        }

        using var connection = Open();
        Execute(connection, """
            PRAGMA journal_mode = WAL;
            CREATE TABLE authors(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
            CREATE TABLE notes(id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES authors(id), title TEXT NOT NULL, body TEXT NOT NULL, changed TEXT NOT NULL);
            CREATE INDEX notes_author ON notes(author);
            CREATE TABLE visits(id INTEGER PRIMARY KEY, page TEXT NOT NULL, at TEXT NOT NULL);
            INSERT INTO authors(name) VALUES ('editor'), ('reader'), ('guest');
            """);
        for (var done = 0; done < Notes; done += Batch)
        {
            cancellation.ThrowIfCancellationRequested();
            AddNotes(connection, random, Batch);
        }
    }

    public void AddUpload(string name, int size, Random random)
    {
        // Like pictures: bytes that do not compress.
        var bytes = new byte[size];
        random.NextBytes(bytes);
        File.WriteAllBytes(Path.Combine(Uploads, name), bytes);
    }

    /// <summary>Starts writing, and goes on until <see cref="StopWriting"/>.</summary>
    public void StartWriting()
    {
        writer = new Thread(Write) { IsBackground = true, Name = "notes writer" };
        writer.Start();
    }

    public void StopWriting()
    {
        stop.Cancel();
        writer?.Join();
        writer = null;
        if (failure is not null)
        {
            throw new MaintenanceException(ErrorCode.DatabaseError, $"The demo's application failed: {failure.Message}", Database, failure);
        }
    }

    public long Count(string table)
    {
        using var connection = Open();
        return Count(connection, table);
    }

    /// <summary>Changes some notes, as people do between two backups.</summary>
    public long ChangeNotes(int count)
    {
        using var connection = Open();
        return Execute(connection, $"UPDATE notes SET body = body || ' (edited)', changed = datetime('now') WHERE id IN (SELECT id FROM notes ORDER BY id DESC LIMIT {count})");
    }

    /// <summary>What nobody wants to have typed.</summary>
    public long DestroyNotes()
    {
        using var connection = Open();
        return Execute(connection, "DELETE FROM notes");
    }

    /// <summary>SQLite's own opinion: <c>ok</c>, or what is wrong.</summary>
    public string Integrity()
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA integrity_check";
        return (string)command.ExecuteScalar()!;
    }

    public void Dispose()
    {
        stop.Cancel();
        writer?.Join();
        stop.Dispose();
    }

    private void Write()
    {
        try
        {
            using var connection = Open();
            Execute(connection, "PRAGMA synchronous = NORMAL");
            while (!stop.IsCancellationRequested)
            {
                Execute(connection, "INSERT INTO visits(page, at) VALUES ('/notes/' || abs(random() % 40000), datetime('now'))");
                Interlocked.Increment(ref written);

                // A busy site, and not a test of the disk: some hundred commits a second.
                Thread.Sleep(2);
            }
        }
#pragma warning disable CA1031 // Told when the writer is joined; an exception on a bare thread would end the process.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }
    }

    private static void AddNotes(SqliteConnection connection, Random random, int count)
    {
        using var transaction = connection.BeginTransaction();
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "INSERT INTO notes(author, title, body, changed) VALUES ($author, $title, $body, datetime('now'))";
        var author = command.Parameters.Add("$author", SqliteType.Integer);
        var title = command.Parameters.Add("$title", SqliteType.Text);
        var body = command.Parameters.Add("$body", SqliteType.Text);
        for (var i = 0; i < count; i++)
        {
            author.Value = 1 + random.Next(3);
            title.Value = $"Note {random.Next(1_000_000):d6}";
            body.Value = Words(random, 60);
            command.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    private static readonly string[] Vocabulary =
        "the a of to and in for on with by from at it is was be are this that backup restore server note draft list plan idea meeting water coffee garden bicycle winter train book letter music window morning evening river stone paper light table".Split(' ');

    private static string Words(Random random, int count) => string.Join(' ', Enumerable.Range(0, count).Select(_ => Vocabulary[random.Next(Vocabulary.Length)]));

    private static long Count(SqliteConnection connection, string table)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The demo's own table names.
        command.CommandText = $"SELECT count(*) FROM {table}";
#pragma warning restore CA2100
        return (long)command.ExecuteScalar()!;
    }

    private static int Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The demo's own statements.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteNonQuery();
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(connectionString);
        connection.Open();
        return connection;
    }
}
