using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Keys;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>Runs only where somebody asks for new golden data, by naming the folder to make it in.</summary>
internal sealed class GoldenMakerFactAttribute : FactAttribute
{
    public const string Variable = "MAINTENANCEOPS_MAKE_GOLDEN";

    public GoldenMakerFactAttribute() =>
        Skip = string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)) ? $"Set {Variable} to a folder to make golden data there." : null;
}

/// <summary>
/// How the golden repositories were made: on Linux, by
/// <c>MAINTENANCEOPS_MAKE_GOLDEN=/tmp/golden dotnet test tests/Engine.Tests --filter GoldenMaker</c>.
/// What it writes differs from run to run (salts, keys, ids), so what is committed is never replaced; a new version of
/// the format gets new folders beside the old ones.
/// </summary>
public sealed class GoldenMaker
{
    [GoldenMakerFact]
    [Trait("Golden", "Make")]
    public void Makes_the_golden_repositories()
    {
        var home = Path.GetFullPath(Environment.GetEnvironmentVariable(GoldenMakerFactAttribute.Variable)!);
        Directory.CreateDirectory(home);
        var expected = new List<string> { "# What the golden repositories restore to: 'repository snapshot id', then one line an entry (see GoldenData.Describe)." };
        foreach (var name in new[] { GoldenData.Plain, GoldenData.Encrypted })
        {
            Make(home, name, expected);
        }

        File.WriteAllText(Path.Combine(home, "expected.txt"), string.Join('\n', expected) + "\n");
    }

    [GoldenMakerFact]
    [Trait("Golden", "Make")]
    public void Makes_the_golden_log()
    {
        var home = Path.Combine(Path.GetFullPath(Environment.GetEnvironmentVariable(GoldenMakerFactAttribute.Variable)!), GoldenData.EncryptedLog);
        using var repository = Repository.Create(home, GoldenData.PassphraseOf(GoldenData.EncryptedLog), "first");
        foreach (var (name, content) in GoldenLog.Files())
        {
            Assert.True(SealedFile.Create(repository, WalArchive.ObjectName(GoldenLog.System, WalFile.Parse(name)), content));
        }
    }

    private static void Make(string home, string name, List<string> expected)
    {
        using var repository = Repository.Create(Path.Combine(home, name), GoldenData.PassphraseOf(name), "first");
        if (name == GoldenData.Encrypted)
        {
            new RepositoryAdministration(repository).AddKey(Passphrase.FromText(GoldenData.SecondPassphrase), "second key");
        }

        // Sources lie outside the repository's folder, under names without the machine's.
        var sources = Path.Combine(home, "sources", name);
        Directory.CreateDirectory(sources);
        var database = Path.Combine(sources, "notes.db");
        var tree = Path.Combine(sources, "tree");

        MakeDatabase(database);
        Take("sqlite-1", new SqliteBackup(repository, SilentSink.Instance).Run(database, new BackupOptions { Source = "golden/notes", Tags = ["first"] }), database);
        ChangeDatabase(database);
        repository.ForgetIndex();
        Take("sqlite-2", new SqliteBackup(repository, SilentSink.Instance).Run(database, new BackupOptions { Source = "golden/notes" }), database);
        repository.ForgetIndex();
        MakeTree(tree);
        Take("files-1", new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [tree] }, new BackupOptions { Source = "golden/files" }), tree);
        ChangeTree(tree);
        repository.ForgetIndex();
        Take("files-2", new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [tree] }, new BackupOptions { Source = "golden/files", SetId = "golden-set" }), tree);
        repository.ForgetIndex();
        new SnapshotProof(repository, SilentSink.Instance).Run(new SnapshotCatalog(repository).Find("latest", "golden/notes"), new ProofOptions { Level = VerificationLevel.Full });

        void Take(string label, Snapshot snapshot, string path)
        {
            Assert.Empty(snapshot.Warnings);
            expected.Add($"{name} {label} {snapshot.Id}");
            expected.AddRange(GoldenData.Describe(path).Select(l => "  " + l));
        }
    }

    private static void MakeDatabase(string path)
    {
        using var connection = SqliteConnections.OpenAlone(path, create: true);
        connection.Execute("create table notes(id integer primary key, title text not null, body text)");
        connection.Execute("create index notes_title on notes(title)");

        // A generator of its own: random() could not be made again, and zeros would compress to nothing.
        var random = new Random(1);
        connection.Execute("begin");
        for (var i = 0; i < 600; i++)
        {
            var bytes = new byte[60];
            random.NextBytes(bytes);
            connection.Execute($"insert into notes values ({i}, 'note {i}', '{Convert.ToHexStringLower(bytes)}')");
        }

        connection.Execute("commit");
    }

    /// <summary>Touches two pages of about forty, so that the second map is a difference to the first.</summary>
    private static void ChangeDatabase(string path)
    {
        using var connection = SqliteConnections.OpenAlone(path);
        connection.Execute("update notes set body = 'changed' where id = 300");
    }

    private static void MakeTree(string tree)
    {
        var random = new Random(2);
        Folder("", "755");
        Folder("empty", "700");
        Folder("odd names", "755");
        Folder("deep/er/est", "755");
        Folder("bad-\udcff\udcfe-folder", "755");
        Write("readme.txt", "This tree is golden data.\n"u8, "644");
        Write("deep/er/est/file", "deep\n"u8, "600");
        Write("run.sh", "#!/bin/sh\nexit 0\n"u8, "755");
        Write("empty.txt", [], "644");
        Write("odd names/ünïcode ☃ 😀.txt", "snow\n"u8, "640");
        Write("odd names/-dash 'quote' \"double\" $x", "dash\n"u8, "644");
        Write("odd names/line\nbreak", "break\n"u8, "644");
        Write("odd names/.hidden", "hidden\n"u8, "444");
        Write("odd names/bad-\udcff\udcfe.bin", "no UTF-8\n"u8, "644");
        Write("bad-\udcff\udcfe-folder/inside", "inside\n"u8, "644");
        Write("twin-a", "two names\n"u8, "644");

        // Larger than the largest chunk, so that it has several.
        var large = new byte[300_000];
        for (var i = 0; i < large.Length; i++)
        {
            large[i] = (byte)("ab"[random.Next(2)]);
        }

        Write("large.txt", large, "644");
        Sparse("sparse.img");
        Access.CreateHardLink(At("twin-a"), At("twin-b"));
        Access.CreateHardLink(At("twin-a"), At("deep/twin-c"));
        Access.CreateLink(At("link-to-file"), "readme.txt");
        Access.CreateLink(At("link-to-nowhere"), "../../no/such/thing");
        Access.CreateLink(At("link-absolute"), "/etc/hostname");
        Access.CreateLink(At("link-bad-name"), "odd names/bad-\udcff\udcfe.bin");
        Settle("");

        string At(string path) => path.Length == 0 ? tree : TreeAccess.Join(tree, path);

        void Folder(string path, string mode)
        {
            if (path.Contains('/', StringComparison.Ordinal) && Access.Facts(At(path[..path.LastIndexOf('/')])) is null)
            {
                Folder(path[..path.LastIndexOf('/')], mode);
            }

            Access.CreateFolder(At(path));
            Access.Apply(At(path), EntryKind.Folder, Convert.ToInt32(mode, 8), -1, -1, default);
        }

        void Write(string path, ReadOnlySpan<byte> content, string mode)
        {
            using (var file = Access.Create(At(path)))
            {
                RandomAccess.Write(file, content, 0);
            }

            Access.Apply(At(path), EntryKind.File, Convert.ToInt32(mode, 8), -1, -1, default);
        }

        void Sparse(string path)
        {
            using var file = Access.Create(At(path));
            RandomAccess.SetLength(file, 8 * 1024 * 1024);
            RandomAccess.Write(file, "in the middle"u8, 3 * 1024 * 1024);
        }

        // Fixed times, one of them before 1970, with fractions of a second; folders after what is in them.
        void Settle(string path)
        {
            var facts = Access.Facts(At(path))!.Value;
            if (facts.Kind == EntryKind.Folder)
            {
                foreach (var name in Access.Names(At(path)))
                {
                    Settle(path.Length == 0 ? name : $"{path}/{name}");
                }
            }

            var time = path == "empty.txt" ? -86_400_123_456_700 : 1_700_000_000_123_456_700 + (path.Length * 1_000_000_000L);
            Access.Apply(At(path), facts.Kind, facts.Mode, -1, -1, FileTime.OfNanoseconds(time));
        }
    }

    private static void ChangeTree(string tree)
    {
        File.AppendAllText(Path.Combine(tree, "large.txt"), "one more line\n");
        File.SetLastWriteTimeUtc(Path.Combine(tree, "large.txt"), DateTime.UnixEpoch.AddSeconds(1_710_000_000));
        File.Delete(Path.Combine(tree, "run.sh"));
        File.SetLastWriteTimeUtc(tree, DateTime.UnixEpoch.AddSeconds(1_710_000_001));
    }

    private static TreeAccess Access => TreeAccess.Current;
}
