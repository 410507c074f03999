using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>Databases whose files, neighbours or content are not what one would expect: told apart from damage, and never passed over.</summary>
public sealed class OddStateTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("CREATE VIRTUAL TABLE f USING fts5(b); INSERT INTO f VALUES('alpha beta'), ('gamma')", "UPDATE f_data SET block = zeroblob(length(block)) WHERE id > 10")]
    [InlineData("CREATE VIRTUAL TABLE f USING fts4(b); INSERT INTO f VALUES('alpha beta'), ('gamma')", "UPDATE f_segdir SET root = zeroblob(length(root))")]
    [InlineData("CREATE VIRTUAL TABLE f USING rtree(id, a, b); INSERT INTO f VALUES(1, 0, 1), (2, 3, 4)", "DELETE FROM f_rowid")]
    public void An_index_of_a_virtual_table_that_is_not_sound_is_told(string make, string damage)
    {
        Make(make, damage);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.Equal(SnapshotState.PartlyChecked, snapshot.State);
        Assert.Contains("'f' is not sound", Assert.Single(snapshot.Unchecked), StringComparison.Ordinal);
        foreach (var level in new[] { VerificationLevel.Full, VerificationLevel.Restore })
        {
            Assert.Contains(repository.Prove(snapshot, level).Findings, f => f.Message.Contains("not sound", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Values_that_a_column_may_not_have_by_now_are_no_damage()
    {
        Make(
            "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, NULL), (2, 'x'), (3, NULL); CREATE TABLE s(a INT) STRICT",
            "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a, b NOT NULL)' WHERE name = 't'");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.Equal(SnapshotState.PartlyChecked, snapshot.State);
        Assert.Contains("2 values", Assert.Single(snapshot.Unchecked), StringComparison.Ordinal);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
        using (var file = File.OpenWrite(folder["app.db"]))
        {
            file.Position = 30 * 4096;
            file.Write(Enumerable.Repeat((byte)0xee, 4096).ToArray());
        }

        Assert.Equal(ErrorCode.DatabaseCorrupt, Assert.Throws<MaintenanceException>(() => repository.BackUp(folder["app.db"])).Code);
    }

    [Fact]
    public void A_database_that_lost_its_beginning_is_not_taken_as_a_file()
    {
        SampleDatabase.Create(folder["app.db"], 10, 4096, "delete");
        using var repository = Repositories.New(folder);
        var options = new BackupOptions { Source = "a" };
        new SqliteBackup(repository, SilentSink.Instance).Run(folder["app.db"], options);
        using (var file = File.OpenWrite(folder["app.db"]))
        {
            file.Write(new byte[100]);
        }

        var error = Assert.Throws<MaintenanceException>(() => new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [folder["app.db"]] }, options));
        Assert.Equal(ErrorCode.NotADatabase, error.Code);
        Assert.Single(new SnapshotCatalog(repository).List());
        new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [folder["app.db"]] }, new BackupOptions { Source = "b" });
    }

    [Fact]
    public void Files_that_are_named_like_logs_and_are_none_stay_and_are_taken()
    {
        Directory.CreateDirectory(folder["tree"]);
        SampleDatabase.Create(folder["tree/recipes"], 10, 4096, "delete");
        SampleDatabase.Create(folder["tree/log.db"], 10);
        File.WriteAllText(folder["tree/recipes-journal"], "my diary");
        File.WriteAllText(folder["tree/log.db-wal"], "a user's words");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        Assert.Equal(SnapshotState.Written, snapshot.State);
        Assert.Equal("my diary", File.ReadAllText(folder["tree/recipes-journal"]));
        repository.Restore(snapshot, folder["out"]);
        Assert.Equal("my diary", File.ReadAllText(folder["out/recipes-journal"]));
        Assert.Equal("a user's words", File.ReadAllText(folder["out/log.db-wal"]));
        Assert.Equal(10, repository.BackUp(folder["tree/recipes"]).Tables.Single(t => t.Name == "notes").Rows);
        Assert.Equal("my diary", File.ReadAllText(folder["tree/recipes-journal"]));
    }

    [Fact]
    public void The_log_of_a_database_that_is_left_out_is_left_out_too()
    {
        Directory.CreateDirectory(folder["tree"]);
        SampleDatabase.Create(folder["tree/app.db"], 10);
        SampleDatabase.LeaveALog(folder["tree/app.db"]);
        File.WriteAllText(folder["tree/conf"], "x");
        Assert.True(File.Exists(folder["tree/app.db-wal"]));
        using var repository = Repositories.New(folder);
        var snapshot = new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [folder["tree"]], Exclude = ["*.db"] }, new BackupOptions { Source = "t" });
        Assert.Equal(["conf"], new SnapshotItems(repository).List(snapshot, []).Select(i => i.Path).Where(p => p is not ("" or ".")));
    }

    [Fact]
    public void The_log_of_a_database_that_was_moved_away_is_kept()
    {
        SampleDatabase.Create(folder["app.db"], 10);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        SampleDatabase.LeaveALog(folder["app.db"]);
        File.Move(folder["app.db"], folder["moved.db"]);
        var log = File.ReadAllBytes(folder["app.db-wal"]);
        var result = repository.RestoreInPlace(snapshot);
        var kept = Assert.Single(Directory.GetFiles(folder.Path, "app.db.before-restore-*-wal"));
        Assert.Equal(log, File.ReadAllBytes(kept));
        Assert.Contains(kept, Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Equal(10, repository.BackUp(folder["app.db"], "again").Tables.Single(t => t.Name == "notes").Rows);
    }

    [Fact]
    public void A_first_transaction_that_was_not_finished_leaves_an_empty_database()
    {
        File.WriteAllBytes(folder["app.db"], [.. "SQLite format 3\0"u8, .. new byte[8176]]);
        byte[] journal = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 16, 0];
        File.WriteAllBytes(folder["app.db-journal"], [.. journal, .. new byte[512 - journal.Length]]);
        using var repository = Repositories.New(folder);
        Assert.Equal(ErrorCode.DatabaseEmpty, Assert.Throws<MaintenanceException>(() => repository.BackUp(folder["app.db"])).Code);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3500)]
    [InlineData(4095)]
    public void A_file_that_ends_within_a_page_is_damaged_though_SQLite_takes_zeros_for_what_lacks(int cut)
    {
        SampleDatabase.Change(folder["app.db"], "CREATE TABLE doc(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO doc(body) VALUES (hex(zeroblob(30000)))", create: true);
        using (var file = File.OpenWrite(folder["app.db"]))
        {
            file.SetLength(file.Length - cut);
        }

        using var repository = Repositories.New(folder);
        Assert.Equal(ErrorCode.DatabaseCorrupt, Assert.Throws<MaintenanceException>(() => repository.BackUp(folder["app.db"])).Code);
    }

    [Fact]
    public void Pages_that_are_only_in_the_log_are_no_cut()
    {
        SampleDatabase.Create(folder["app.db"], 100, 4096, "wal");
        SampleDatabase.LeaveALog(folder["app.db"]);
        using (var file = File.OpenWrite(folder["app.db"]))
        {
            // What a crash in the middle of a checkpoint leaves; the whole page is in the log.
            file.SetLength(file.Length + 1000);
        }

        var live = SampleDatabase.FingerprintOfCopy(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        repository.Restore(snapshot, folder["out.db"]);
        Assert.Equal(live, SampleDatabase.Fingerprint(folder["out.db"]));
    }

    [Theory]
    [InlineData(VerificationLevel.Full)]
    [InlineData(VerificationLevel.Restore)]
    public void Entries_of_an_index_that_fit_no_row_are_found_by_a_test(VerificationLevel level)
    {
        Make("CREATE TABLE t(a, b); CREATE INDEX ti ON t(a); WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO t SELECT i, 'x' FROM n", "SELECT 1");
        using (var connection = SampleDatabase.AsApplication(folder["app.db"]))
        {
            var root = connection.Scalar<long>("SELECT rootpage FROM sqlite_schema WHERE name = 'ti'");
            connection.Execute("PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'ti'");
            using var without = SampleDatabase.AsApplication(folder["app.db"]);
            without.Execute("DELETE FROM t WHERE a = 500; INSERT INTO t VALUES(5000, 'y'); PRAGMA writable_schema = 1");
            without.Execute(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"INSERT INTO sqlite_schema VALUES('index', 'ti', 't', {root}, 'CREATE INDEX ti ON t(a)')"));
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.True(repository.Prove(snapshot, level) is { Passed: false, Damaged: true });
    }

    [Fact]
    public void Texts_in_double_quotes_stay_texts()
    {
        SampleDatabase.Change(folder["app.db"], "CREATE TABLE d(id INTEGER PRIMARY KEY)", create: true);
        using (var connection = SampleDatabase.AsApplication(folder["app.db"]))
        {
            SQLitePCL.raw.sqlite3_db_config(connection.Handle, 1014, 1, out _);
            connection.Execute("CREATE TABLE k(id INTEGER PRIMARY KEY, kind TEXT CHECK(kind IN (\"a\", \"b\")), g AS (kind || \"!\")); CREATE INDEX ki ON k(kind) WHERE kind = \"a\"; INSERT INTO k(kind) VALUES('a'), ('b')");
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.Equal(SnapshotState.Checked, snapshot.State);
        Assert.True(repository.Drill(folder, snapshot) is { Passed: true });
        foreach (var table in new[] { "k", "d" })
        {
            var result = repository.Restore(snapshot, new RestoreOptions { Table = table, Force = true, InPlace = true });
            Assert.Empty(result.Unrestored);
        }

        Assert.Equal("ok", Ask("PRAGMA integrity_check"));
        Assert.Equal("1", Ask("SELECT count(*) FROM sqlite_schema WHERE name = 'ki'"));

        string Ask(string sql)
        {
            using var connection = SqliteConnections.OpenBeside(folder["app.db"]);
            return connection.Scalar<string>(sql);
        }
    }

    [LinuxFact]
    public void Names_that_leave_no_room_for_a_suffix_are_taken_and_restored()
    {
        using var repository = Repositories.New(folder);
        foreach (var length in new[] { 230, 247, 255 })
        {
            var path = folder[$"{new string('n', length - 3)}.db"];
            SampleDatabase.Create(folder["small.db"], 10, 4096, "delete");
            File.Move(folder["small.db"], path);
            var snapshot = repository.BackUp(path, $"long/{length}");
            File.Delete(path);
            repository.RestoreInPlace(snapshot);
            Assert.Equal(10, repository.BackUp(path, $"again/{length}").Tables.Single(t => t.Name == "notes").Rows);
        }
    }

    [LinuxFact]
    public void A_database_keeps_its_access_control_list_and_attributes_or_gets_them_back()
    {
        SampleDatabase.Create(folder["app.db"], 10, 4096, "delete");
        if (!LinuxFiles.KeepAttributes(folder.Path))
        {
            return;
        }

        // user::rw-, user:33:rw-, group::r--, mask::rw-, other::---
        byte[] list = [2, 0, 0, 0, .. Entry(1, 6, -1), .. Entry(2, 6, 33), .. Entry(4, 4, -1), .. Entry(16, 6, -1), .. Entry(32, 0, -1)];
        Assert.Empty(LinuxFiles.Set(folder["app.db"], null, new ExtendedAttribute("system.posix_acl_access", list), new ExtendedAttribute("user.k", [7])));
        var before = State();
        Assert.Equal(2, before.Attributes.Count);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.Empty(repository.RestoreInPlace(snapshot).Warnings);
        Assert.Equal(before, State(), Same);
        File.Delete(folder["app.db"]);
        repository.RestoreInPlace(snapshot);
        Assert.Equal(before, State(), Same);
    }

    private static byte[] Entry(byte tag, byte rights, int id) => [tag, 0, rights, 0, .. BitConverter.GetBytes(id)];

    private (int Mode, IReadOnlyList<ExtendedAttribute> Attributes) State() =>
        (TreeAccess.Current.Facts(folder["app.db"])!.Value.Mode & 0x1ff, TreeAccess.Current.Attributes(folder["app.db"], (name, why) => Assert.Fail($"{name}: {why}")));

    private static bool Same((int Mode, IReadOnlyList<ExtendedAttribute> Attributes) one, (int Mode, IReadOnlyList<ExtendedAttribute> Attributes) other) =>
        one.Mode == other.Mode && one.Attributes.OrderBy(a => a.Name).SequenceEqual(other.Attributes.OrderBy(a => a.Name));

    private void Make(string make, string odd)
    {
        SampleDatabase.Create(folder["app.db"], 500, 4096, "delete");
        using var application = SampleDatabase.AsApplication(folder["app.db"]);
        application.Execute(make);
        application.Execute($"PRAGMA writable_schema = ON; {odd}");
    }
}
