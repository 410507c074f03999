using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage.S3;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>
/// A small database and a small tree with two states of each, the bucket that holds a repository with the first states, and
/// the work that the fault tests spoil: back up the second states, remove a snapshot, prune, restore.
/// </summary>
internal sealed class S3Work : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mops-s3work-").FullName;
    private readonly S3Server server = S3Server.Shared;
    private readonly Dictionary<string, byte[]> expected = [];
    private readonly string bucket;
    private int restores;

    public S3Work()
    {
        bucket = server.NewBucket();
        using var repository = Repository.Create(Store(server.Endpoint, bucket), null, "", TimeProvider.System);
        Make(0);
        Doomed = BackUp(repository);
        Make(1);
        Kept = BackUp(repository);
        Make(2);
    }

    /// <summary>Short waits, so that a fault costs little time.</summary>
    public static S3Patience Hasty { get; } = new()
    {
        Attempts = 3,
        Idle = TimeSpan.FromSeconds(5),
        FirstDelay = TimeSpan.FromMilliseconds(1),
        LongestDelay = TimeSpan.FromMilliseconds(5),
    };

    /// <summary>The snapshots that the work removes.</summary>
    public (Snapshot Database, Snapshot Files) Doomed { get; }

    /// <summary>The snapshots that must survive whatever happens.</summary>
    public (Snapshot Database, Snapshot Files) Kept { get; }

    /// <summary>A fresh bucket with the repository.</summary>
    public string Prepare() => server.CopyBucket(bucket);

    /// <summary>The whole work against a bucket, through an endpoint.</summary>
    public void Run(string endpoint, string name)
    {
        (Snapshot, Snapshot) taken;
        using (var repository = Repository.Open(Store(endpoint, name), null, TimeProvider.System))
        {
            taken = BackUp(repository);
        }

        using (var repository = Repository.Open(Store(endpoint, name), null, TimeProvider.System))
        {
            var catalog = new SnapshotCatalog(repository);
            catalog.Remove(Doomed.Database.Id);
            catalog.Remove(Doomed.Files.Id);
            new RepositoryPrune(repository, SilentSink.Instance).Run(new PruneOptions { Now = true });
        }

        using (var repository = Repository.Open(Store(endpoint, name), null, TimeProvider.System))
        {
            Restore(repository, taken, 2);
        }
    }

    /// <summary>Throws unless the snapshots that existed before still restore byte for byte, read without any fault.</summary>
    public void CheckKept(string name)
    {
        // The process that failed would be gone by now and its leases dead; here it still lives, so they are cleared away.
        foreach (var leases in Directory.EnumerateDirectories(server.FolderOf(name), "leases", SearchOption.AllDirectories).ToList())
        {
            Directory.Delete(leases, recursive: true);
        }

        using var repository = Repository.Open(Store(server.Endpoint, name), null, TimeProvider.System);
        Restore(repository, Kept, 1);
    }

    public void Discard(string name) => server.RemoveBucket(name);

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(folder, recursive: true);
    }

    public static S3ObjectStore Store(string endpoint, string name, TimeSpan? idle = null) =>
        new($"s3://{name}/app?endpoint={endpoint}", Hasty with { Idle = idle ?? Hasty.Idle });

    private string Database => Path.Combine(folder, "app.db");

    private string Tree => Path.Combine(folder, "tree");

    private (Snapshot Database, Snapshot Files) BackUp(Repository repository) => (
        new SqliteBackup(repository, SilentSink.Instance).Run(Database, new BackupOptions { Source = "app/main" }),
        new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [Tree] }, new BackupOptions { Source = "app/files" }));

    private void Restore(Repository repository, (Snapshot Database, Snapshot Files) snapshots, int state)
    {
        var target = Path.Combine(folder, $"restore-{Interlocked.Increment(ref restores)}");
        Directory.CreateDirectory(target);
        try
        {
            var restore = new SnapshotRestore(repository, SilentSink.Instance);
            restore.Run(snapshots.Database, new RestoreOptions { Destination = Path.Combine(target, "app.db") });
            Compare($"{state}/app.db", Path.Combine(target, "app.db"));
            restore.Run(snapshots.Files, new RestoreOptions { Destination = Path.Combine(target, "tree") });
            var files = Directory.EnumerateFiles(Path.Combine(target, "tree"), "*", SearchOption.AllDirectories).ToList();
            if (files.Count != expected.Keys.Count(k => k.StartsWith($"{state}/tree/", StringComparison.Ordinal)))
            {
                throw new InvalidDataException($"State {state} came back with {files.Count} files.");
            }

            files.ForEach(f => Compare($"{state}/tree/{Path.GetFileName(f)}", f));
        }
        finally
        {
            Directory.Delete(target, recursive: true);
        }
    }

    private void Compare(string name, string path)
    {
        if (!File.ReadAllBytes(path).AsSpan().SequenceEqual(expected[name]))
        {
            throw new InvalidDataException($"'{name}' came back with other bytes.");
        }
    }

    private void Make(int state)
    {
        var random = new Random(state);
        using (var connection = new SqliteConnection($"Data Source={Database};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = """
                create table if not exists notes (id integer primary key, body text);
                insert into notes (body) select hex(randomblob(200)) from (with recursive n(i) as (select 1 union all select i + 1 from n where i < 300) select i from n);
                update notes set body = hex(randomblob(200)) where id % 50 = 1;
                """;
            command.ExecuteNonQuery();
        }

        expected[$"{state}/app.db"] = File.ReadAllBytes(Database);
        Directory.CreateDirectory(Tree);
        for (var i = 0; i < 6; i++)
        {
            // Two of the files change with each state.
            var bytes = new byte[20_000 + (i * 1000)];
            (i < 2 ? random : new Random(100 + i)).NextBytes(bytes);
            File.WriteAllBytes(Path.Combine(Tree, $"file-{i}.bin"), bytes);
            expected[$"{state}/tree/file-{i}.bin"] = bytes;
        }
    }
}
