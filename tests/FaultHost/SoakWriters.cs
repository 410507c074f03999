using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.FaultHost;

/// <summary>
/// What applications and operators do to a live database, each in a process of its own, until a file <c>stop</c> appears:
/// move money between accounts, change the journal mode and the page size, vacuum, checkpoint, and put another copy in the
/// file's place. The accounts balance after each commit.
/// </summary>
internal static class SoakWriters
{
    public static IReadOnlyList<string> Names { get; } = ["soak-transfer", "soak-switch", "soak-replace"];

    private static readonly string[] Modes = ["delete", "wal", "wal", "truncate", "persist", "memory"];
    private static readonly int[] PageSizes = [512, 1024, 4096, 16384, 65536];
    private static readonly string[] Checkpoints = ["PASSIVE", "FULL", "RESTART", "TRUNCATE"];

    public static void Run(string name, string folder, int seed)
    {
        var random = new Random(seed);
        var database = Path.Combine(folder, "bank.db");
        while (!File.Exists(Path.Combine(folder, "stop")))
        {
            try
            {
                using var gate = name == "soak-replace" ? Close(folder) : Enter(folder);
                switch (name)
                {
                    case "soak-transfer":
                        Transfer(database, random);
                        break;
                    case "soak-switch":
                        Switch(database, random);
                        break;
                    default:
                        Replace(database, random);
                        break;
                }
            }
            catch (Exception e) when (e is SqliteException or IOException)
            {
                // Locked by another one: the next turn.
            }

            Thread.Sleep(name == "soak-replace" ? random.Next(1500) : random.Next(40));
        }
    }

    /// <summary>
    /// Nobody may have a database open while it is replaced: SQLite's own rule. Backups do not know of this gate. Who is inside
    /// leaves in a moment; who comes stands back while somebody wants it closed.
    /// </summary>
    private static FileStream Enter(string folder)
    {
        while (File.Exists(Path.Combine(folder, "wanted")))
        {
            Thread.Sleep(5);
        }

        return new FileStream(Path.Combine(folder, "gate"), FileMode.OpenOrCreate, FileAccess.Read, FileShare.Read);
    }

    private static FileStream Close(string folder)
    {
        var wanted = Path.Combine(folder, "wanted");
        File.WriteAllText(wanted, "");
        try
        {
            while (true)
            {
                try
                {
                    return new FileStream(Path.Combine(folder, "gate"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                }
                catch (IOException) when (!File.Exists(Path.Combine(folder, "stop")))
                {
                    Thread.Sleep(5);
                }
            }
        }
        finally
        {
            File.Delete(wanted);
        }
    }

    private static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Pooling=False;Default Timeout=2");
        connection.Open();
        Do(connection, "PRAGMA synchronous = OFF");
        return connection;
    }

    private static void Do(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Made here.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private static void Transfer(string database, Random random)
    {
        using var connection = Open(database);
        for (var i = random.Next(1, 20); i > 0; i--)
        {
            var amount = random.Next(50);
            var (from, to) = (random.Next(2000) + 1, random.Next(2000) + 1);
            var ballast = random.Next(10) switch { 0 => "INSERT INTO ballast(x) VALUES (randomblob(300000));", 1 => "DELETE FROM ballast;", _ => "" };
            Do(connection, string.Create(
                CultureInfo.InvariantCulture,
                $"BEGIN IMMEDIATE; UPDATE accounts SET balance = balance - {amount}, note = randomblob({random.Next(3000)}) WHERE id = {from}; UPDATE accounts SET balance = balance + {amount} WHERE id = {to}; INSERT INTO log(amount) VALUES ({amount}); {ballast} COMMIT"));
        }
    }

    private static void Switch(string database, Random random)
    {
        using var connection = Open(database);
        switch (random.Next(5))
        {
            case 0 or 1:
                Do(connection, $"PRAGMA journal_mode = {Modes[random.Next(Modes.Length)]}");
                break;
            case 2:
                Do(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA journal_mode = DELETE; PRAGMA page_size = {PageSizes[random.Next(PageSizes.Length)]}; VACUUM; PRAGMA journal_mode = WAL"));
                break;
            case 3:
                Do(connection, "VACUUM");
                break;
            default:
                Do(connection, $"PRAGMA wal_checkpoint({Checkpoints[random.Next(Checkpoints.Length)]})");
                break;
        }
    }

    /// <summary>As a restore script does it: a copy is made, and renamed or copied over the file; logs go before or after.</summary>
    private static void Replace(string database, Random random)
    {
        var copy = database + ".new";
        File.Delete(copy);
        using (var connection = Open(database))
        {
            Do(connection, $"VACUUM INTO '{copy}'");
        }

        using (var connection = Open(copy))
        {
            Do(connection, $"UPDATE replaced SET times = times + 1; PRAGMA journal_mode = {Modes[random.Next(2)]}");
        }

        var way = random.Next(4);
        if (way != 1)
        {
            RemoveLogs(database);
        }

        if (way == 2)
        {
            File.Delete(database);
            Thread.Sleep(random.Next(30));
        }

        if (way == 3)
        {
            File.Copy(copy, database, overwrite: true);
        }
        else
        {
            File.Move(copy, database, overwrite: true);
        }

        if (way == 1)
        {
            RemoveLogs(database);
        }
    }

    private static void RemoveLogs(string database)
    {
        foreach (var suffix in (string[])["-wal", "-shm", "-journal"])
        {
            File.Delete(database + suffix);
        }
    }
}
