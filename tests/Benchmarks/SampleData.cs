using System.Text;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Benchmarks;

/// <summary>The same data on every machine: notes of made-up words, some JSON, and embeddings that do not compress.</summary>
internal static class SampleData
{
    public static void Database(string path, int megabytes)
    {
        SQLitePCL.Batteries_V2.Init();
        var random = new Random(1);
        var words = Words(random);
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        Execute(connection, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT, email TEXT UNIQUE); CREATE TABLE notes(id INTEGER PRIMARY KEY, user_id INT REFERENCES users(id), title TEXT, body TEXT, meta TEXT, embedding BLOB, updated TEXT); CREATE INDEX notes_user ON notes(user_id, updated)");
        Execute(connection, "INSERT INTO users WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i, 'user ' || i, 'u' || i || '@example.org' FROM n");
        while (new FileInfo(path).Length < megabytes * 1_000_000L)
        {
            using (var transaction = connection.BeginTransaction())
            {
                AddNotes(connection, transaction, random, words, 2000);
                transaction.Commit();
            }

            Execute(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }

    /// <summary>Changes a thousand rows that lie all over the file.</summary>
    public static void ChangeRows(string path)
    {
        using (var connection = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            connection.Open();
            Execute(connection, "UPDATE notes SET title = 'changed ' || hex(randomblob(6)) WHERE id IN (SELECT abs(random()) % (SELECT max(id) FROM notes) + 1 FROM notes LIMIT 1000)");
        }

        Settle(path);
    }

    /// <summary>Lets the last change become old enough to be told from a later one by its time.</summary>
    public static void Settle(string path) => File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(-30));

    public static void SmallFiles(string root, int count)
    {
        var random = new Random(2);
        var words = Words(random);
        for (var i = 0; i < count; i++)
        {
            var folder = Path.Combine(root, $"project{i / 500:d3}", $"part{i / 50 % 10}");
            if (i % 50 == 0)
            {
                Directory.CreateDirectory(folder);
            }

            File.WriteAllText(Path.Combine(folder, $"file{i}.txt"), Text(random, words, random.Next(200, 8000)));
        }
    }

    private static void AddNotes(SqliteConnection connection, SqliteTransaction transaction, Random random, string[] words, int count)
    {
        using var insert = connection.CreateCommand();
        insert.Transaction = transaction;
        insert.CommandText = "INSERT INTO notes(user_id, title, body, meta, embedding, updated) VALUES ($user, $title, $body, $meta, $embedding, $updated)";
        foreach (var name in new[] { "$user", "$title", "$body", "$meta", "$embedding", "$updated" })
        {
            insert.Parameters.Add(new SqliteParameter(name, ""));
        }

        for (var i = 0; i < count; i++)
        {
            var embedding = new byte[1536];
            for (var j = 0; j < embedding.Length; j += 4)
            {
                BitConverter.TryWriteBytes(embedding.AsSpan(j), (float)((random.NextDouble() * 2) - 1));
            }

            insert.Parameters[0].Value = random.Next(1, 2001);
            insert.Parameters[1].Value = Text(random, words, 40);
            insert.Parameters[2].Value = Text(random, words, random.Next(400, 1600));
            insert.Parameters[3].Value = $$"""{"tags":["{{words[random.Next(200)]}}","{{words[random.Next(200)]}}"],"pinned":{{(random.Next(2) == 0 ? "true" : "false")}},"words":{{random.Next(1000)}}}""";
            insert.Parameters[4].Value = embedding;
            insert.Parameters[5].Value = DateTime.UnixEpoch.AddSeconds(1.6e9 + random.Next(100_000_000)).ToString("o");
            insert.ExecuteNonQuery();
        }
    }

    private static string[] Words(Random random) =>
        [.. Enumerable.Range(0, 4000).Select(_ => new string([.. Enumerable.Range(0, random.Next(2, 11)).Select(_ => (char)('a' + Math.Min(25, (int)(random.NextDouble() * random.NextDouble() * 26))))]))];

    private static string Text(Random random, string[] words, int length)
    {
        var text = new StringBuilder();
        while (text.Length < length)
        {
            text.Append(words[(int)(random.NextDouble() * random.NextDouble() * words.Length)]).Append(' ');
        }

        return text.ToString();
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
