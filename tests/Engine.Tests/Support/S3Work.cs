using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage.S3;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A part of the work that the fault tests spoil.</summary>
/// <param name="Name">What it does.</param>
/// <param name="Bucket">Has what is there when it begins.</param>
/// <param name="Before">What the parts before it took, with the state that it has.</param>
/// <param name="Do">Does it, and returns what it took.</param>
internal sealed record S3Part(
    string Name, string Bucket, IReadOnlyList<(Snapshot Snapshot, int State)> Before, Func<Repository, IReadOnlyList<(Snapshot Snapshot, int State)>> Do);

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
    private List<S3Part>? parts;
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

    /// <summary>The parts of the work in their order. Each has a bucket in which those before it were done.</summary>
    public IReadOnlyList<S3Part> Parts => parts ??= MakeParts();

    /// <summary>A fresh bucket with the repository, before any of the work.</summary>
    public string Prepare() => server.CopyBucket(bucket);

    /// <summary>A fresh bucket in which a part can begin.</summary>
    public string Prepare(S3Part part) => server.CopyBucket(part.Bucket);

    /// <summary>Does a part of the work in a bucket, through an endpoint.</summary>
    /// <returns>The snapshots of the second states that are there then.</returns>
    public static IReadOnlyList<(Snapshot Snapshot, int State)> Run(S3Part part, string endpoint, string name)
    {
        using var repository = Repository.Open(Store(endpoint, name), null, TimeProvider.System);
        return part.Do(repository);
    }

    /// <summary>
    /// Throws unless the snapshots that existed before, and those that a part says it took, restore byte for byte from what the
    /// server has on its disk.
    /// </summary>
    public void Check(S3Part part, string name, IReadOnlyList<(Snapshot Snapshot, int State)> taken)
    {
        var local = Path.Combine(folder, name);
        try
        {
            server.CopyObjects(name, "app", local);
            using var repository = Repository.Open(local);
            Restore(repository, [(Kept.Database, 1), (Kept.Files, 1), .. part.Before, .. taken]);
        }
        finally
        {
            Directory.Delete(local, recursive: true);
        }
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

    private List<S3Part> MakeParts()
    {
        var done = new List<(Snapshot Snapshot, int State)>();
        var made = new List<S3Part>();
        var at = bucket;
        (string Name, Func<Repository, IReadOnlyList<(Snapshot Snapshot, int State)>> Do)[] work =
        [
            ("back up the database", r => [(BackUpDatabase(r), 2)]),
            ("back up the files", r => [(BackUpFiles(r), 2)]),
            ("remove and prune", Prune),
            ("restore", r => Restore(r, [.. done])),
        ];
        foreach (var (name, act) in work)
        {
            var part = new S3Part(name, at, [.. done], act);
            made.Add(part);
            at = server.CopyBucket(at);
            done.AddRange(Run(part, server.Endpoint, at));
        }

        return made;
    }

    private (Snapshot Database, Snapshot Files) BackUp(Repository repository) => (BackUpDatabase(repository), BackUpFiles(repository));

    private Snapshot BackUpDatabase(Repository repository) =>
        new SqliteBackup(repository, SilentSink.Instance).Run(Database, new BackupOptions { Source = "app/main" });

    private Snapshot BackUpFiles(Repository repository) =>
        new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [Tree] }, new BackupOptions { Source = "app/files" });

    private List<(Snapshot Snapshot, int State)> Prune(Repository repository)
    {
        var catalog = new SnapshotCatalog(repository);
        catalog.Remove(Doomed.Database.Id);
        catalog.Remove(Doomed.Files.Id);
        new RepositoryPrune(repository, SilentSink.Instance).Run(new PruneOptions { Now = true });
        return [];
    }

    /// <summary>Restores snapshots and compares what comes with what was backed up; they are none that a part took.</summary>
    private List<(Snapshot Snapshot, int State)> Restore(Repository repository, IReadOnlyList<(Snapshot Snapshot, int State)> snapshots)
    {
        foreach (var (snapshot, state) in snapshots)
        {
            var target = Path.Combine(folder, $"restore-{Interlocked.Increment(ref restores)}");
            Directory.CreateDirectory(target);
            try
            {
                new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, new RestoreOptions { Destination = Path.Combine(target, "out") });
                Compare(snapshot, state, Path.Combine(target, "out"));
            }
            finally
            {
                Directory.Delete(target, recursive: true);
            }
        }

        return [];
    }

    private void Compare(Snapshot snapshot, int state, string restored)
    {
        if (snapshot.Kind == SnapshotKind.Sqlite)
        {
            Compare($"{state}/app.db", restored);
            return;
        }

        var files = Directory.EnumerateFiles(restored, "*", SearchOption.AllDirectories).ToList();
        if (files.Count != expected.Keys.Count(k => k.StartsWith($"{state}/tree/", StringComparison.Ordinal)))
        {
            throw new InvalidDataException($"State {state} came back with {files.Count} files.");
        }

        files.ForEach(f => Compare($"{state}/tree/{Path.GetFileName(f)}", f));
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
