using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>One table out of a snapshot, with all that belongs to it: the application goes on as if it had never been away.</summary>
public sealed class TableRestoreTests : IDisposable
{
    /// <summary>An application trusts its own schema.</summary>
    private const int TrustedSchema = 1017;

    private readonly TestFolder folder = new();
    private readonly Repository repository;

    public TableRestoreTests() => repository = Repositories.New(folder);

    public void Dispose()
    {
        repository.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_dropped_table_counts_on_where_it_was()
    {
        var good = Take("CREATE TABLE orders(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT); INSERT INTO orders(what) VALUES ('a'), ('b'), ('c'), ('d'); DELETE FROM orders WHERE id > 2", "DROP TABLE orders");
        var result = Restore(good, "orders");

        Assert.Null(result.SafetySnapshot);
        Assert.Equal("5", Ask("INSERT INTO orders(what) VALUES ('new') RETURNING id"));
    }

    [Fact]
    public void An_empty_table_counts_on_as_well()
    {
        var good = Take("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO t(x) VALUES (1), (2), (3); DELETE FROM t", "DROP TABLE t");
        Restore(good, "t");
        Assert.Equal("4", Ask("INSERT INTO t(x) VALUES (9) RETURNING id"));
    }

    [Fact]
    public void A_replaced_table_gives_no_id_twice_and_is_saved_before()
    {
        var good = Take("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO t(x) VALUES (1), (2)", "INSERT INTO t(x) VALUES (3), (4), (5); DELETE FROM t WHERE id <> 4");
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => Restore(good, "t")).Code);
        var result = Restore(good, "t", force: true);

        Assert.Equal("1,2", Ask("SELECT group_concat(id) FROM t"));
        Assert.Equal("6", Ask("INSERT INTO t(x) VALUES (9) RETURNING id"));
        var safety = new SnapshotCatalog(repository).Find(result.SafetySnapshot!);
        Assert.Equal("app/main@before-restore", safety.Source);
        repository.Restore(safety, folder["safety.db"]);
        Assert.Equal("4", Ask("SELECT group_concat(id) FROM t", folder["safety.db"]));
    }

    [Fact]
    public void A_commit_after_the_safety_snapshot_is_in_another_one()
    {
        var good = Take("PRAGMA journal_mode = wal; CREATE TABLE t(x); INSERT INTO t VALUES (1)", "DELETE FROM t");
        var sink = CallbackSink.Once("Backing up", () => SampleDatabase.Change(folder["app.db"], "INSERT INTO t VALUES ('meanwhile')"));
        var result = new SnapshotRestore(repository, sink).Run(good, new RestoreOptions { Table = "t", Force = true });

        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["safety.db"]);
        Assert.Equal("meanwhile", Ask("SELECT group_concat(x) FROM t", folder["safety.db"]));
        Assert.Equal("1", Ask("SELECT group_concat(x) FROM t"));
    }

    [Theory]
    [InlineData("CREATE TABLE t(body TEXT)", "rowid")]
    [InlineData("CREATE TABLE t(rowid TEXT, body TEXT)", "_rowid_")]
    [InlineData("CREATE TABLE t(rowid TEXT, _ROWID_ TEXT, body TEXT)", "oid")]
    [InlineData("CREATE TABLE t(k TEXT PRIMARY KEY, body TEXT)", "rowid")]
    [InlineData("CREATE TABLE t(id INTEGER PRIMARY KEY DESC, body TEXT)", "rowid")]
    [InlineData("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)", "id")]
    public void Rows_keep_their_numbers(string definition, string number)
    {
        var good = Take($"{definition}; INSERT INTO t(body) VALUES ('a'), ('b'), ('c'), ('d'); DELETE FROM t WHERE body IN ('a', 'c')", "DROP TABLE t");
        var result = Restore(good, "t");
        Assert.Equal("2,4", Ask($"SELECT group_concat({number}) FROM t"));
        Assert.Empty(result.Warnings);
    }

    [Fact]
    public void Numbers_that_no_statement_can_name_are_told()
    {
        var good = Take("CREATE TABLE t(rowid, _rowid_, oid); INSERT INTO t VALUES (7, 8, 9)", "DROP TABLE t");
        Assert.Contains("begin at 1", Restore(good, "t").Warnings.Single(), StringComparison.Ordinal);
        Assert.Equal("7-8-9", Ask("SELECT rowid || '-' || _rowid_ || '-' || oid FROM t"));
    }

    [Theory]
    [InlineData("CREATE TABLE t(a TEXT COLLATE NOCASE, b, PRIMARY KEY(a, b)) WITHOUT ROWID; INSERT INTO t VALUES ('A', 1), ('b', x'00ff')", "SELECT group_concat(quote(a) || quote(b)) FROM t")]
    [InlineData("CREATE TABLE t(a INTEGER, v INT AS (a * 2) VIRTUAL, s INT AS (a * 3) STORED, b TEXT DEFAULT 'x'); INSERT INTO t(a) VALUES (1), (2)", "SELECT group_concat(a || v || s || b) FROM t")]
    [InlineData("CREATE TABLE t(a INT, b ANY, c BLOB) STRICT; INSERT INTO t VALUES (1, '1', x'00'), (2, 1.0, NULL)", "SELECT group_concat(quote(a) || quote(b) || typeof(b) || quote(c)) FROM t")]
    [InlineData("CREATE TABLE t(a REAL, b NUMERIC); INSERT INTO t VALUES (1, '0012'), (-0.0, 'x'), (9e999, 1e300)", "SELECT group_concat(quote(a) || quote(b)) FROM t")]
    public void Every_kind_of_table_comes_back_as_it_was(string make, string ask)
    {
        var good = Take(make, "");
        var before = Ask(ask);
        var definition = Ask("SELECT sql FROM sqlite_schema WHERE name = 't'");
        Do("DROP TABLE t");
        Restore(good, "t");
        Assert.Equal(before, Ask(ask));
        Assert.Equal(definition, Ask("SELECT sql FROM sqlite_schema WHERE name = 't'"));
        Assert.Equal("ok", Ask("PRAGMA integrity_check"));
    }

    [Theory]
    [InlineData("we \"quoted\" 'it'; --", "we \"quoted\" 'it'; --")]
    [InlineData("Notes", "nOTES")]
    [InlineData("select", "SELECT")]
    [InlineData("$p @q ?", "$p @q ?")]
    public void Odd_names_and_another_case_are_found(string name, string asked)
    {
        var quoted = SqliteConnections.Quote(name);
        var good = Take($"CREATE TABLE {quoted}(id INTEGER PRIMARY KEY AUTOINCREMENT, {quoted} TEXT); CREATE INDEX {SqliteConnections.Quote(name + "_i")} ON {quoted}({quoted}); INSERT INTO {quoted}({quoted}) VALUES ('x'), ('y')", $"DELETE FROM {quoted}");
        Restore(good, asked, force: true);
        Assert.Equal("3", Ask($"INSERT INTO {quoted}({quoted}) VALUES ('z') RETURNING id"));
        Assert.Equal("1", Ask($"SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = '{(name + "_i").Replace("'", "''", StringComparison.Ordinal)}'"));
        Assert.Equal("1", Ask("SELECT count(*) FROM sqlite_sequence"));
    }

    [Fact]
    public void Letters_beyond_ASCII_have_a_case_to_SQLite()
    {
        var good = Take("CREATE TABLE \"É\"(x); CREATE TABLE \"é\"(x); INSERT INTO \"é\" VALUES ('small')", "DROP TABLE \"é\"");
        Restore(good, "é");
        Assert.Equal("small", Ask("SELECT x FROM \"é\""));
        Assert.Equal("0", Ask("SELECT count(*) FROM \"É\""));
    }

    [Fact]
    public void Indexes_triggers_views_and_foreign_keys_go_on()
    {
        var good = Take(
            "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE posts(id INTEGER PRIMARY KEY, user INT REFERENCES users(id) ON DELETE CASCADE, body TEXT);" +
            "CREATE TABLE log(x); CREATE INDEX posts_user ON posts(user); CREATE UNIQUE INDEX posts_body ON posts(body) WHERE body <> ''; CREATE TRIGGER posts_log AFTER INSERT ON posts BEGIN INSERT INTO log VALUES (new.id); SELECT 1; END;" +
            "CREATE VIEW recent AS SELECT body FROM posts; INSERT INTO users VALUES (1, 'ann'), (2, 'bob'); INSERT INTO posts VALUES (1, 1, 'one'), (2, 2, 'two')",
            "DELETE FROM posts; DELETE FROM users WHERE id = 2; DELETE FROM log");
        var result = Restore(good, "posts", force: true);

        Assert.Empty(result.Unrestored);
        Assert.Contains("1 rows of 'posts' point to rows of 'users'", result.Warnings.Single(), StringComparison.Ordinal);
        Assert.Equal("0", Ask("SELECT count(*) FROM log"));
        Assert.Equal("one,two", Ask("SELECT group_concat(body) FROM recent"));
        Assert.Equal("posts_body,posts_log,posts_user", Ask("SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE tbl_name = 'posts' AND sql NOT LIKE 'CREATE TABLE%' ORDER BY name)"));
        Do("PRAGMA foreign_keys = ON; INSERT INTO posts(user, body) VALUES (1, 'three'); DELETE FROM users WHERE id = 1");
        Assert.Equal("3", Ask("SELECT group_concat(x) FROM log"));
        Assert.Equal("two", Ask("SELECT group_concat(body) FROM recent"));
    }

    [Fact]
    public void What_was_made_later_is_kept_where_it_fits_and_told_where_not()
    {
        var good = Take("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)", "CREATE INDEX later ON t(b); CREATE TRIGGER after_t AFTER DELETE ON t BEGIN SELECT 1; END");
        Assert.Empty(Restore(good, "t", force: true).Unrestored);
        Assert.Equal("after_t,later", Ask("SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type <> 'table' ORDER BY name)"));

        Do("ALTER TABLE t ADD COLUMN c");
        var result = Restore(good, "t", force: true);
        Assert.Equal(["later", "after_t"], result.Unrestored.Select(u => u.Name));
        Assert.Equal("CREATE INDEX later ON t(b)", result.Unrestored[0].Statement);
        Assert.Equal(ErrorCode.RestoreIncomplete, StrictError(good));
        Assert.Equal("1", Ask("SELECT count(c) FROM t"));
    }

    [Theory]
    [InlineData("fts5(body, content='notes')")]
    [InlineData("fts5(body, content = \"notes\" , tokenize='unicode61')")]
    [InlineData("fts5(body, content=[notes], content_rowid=rowid)")]
    [InlineData("fts4(content=\"notes\", body)")]
    public void Full_text_over_the_table_finds_what_came_back(string module)
    {
        var good = Take($"CREATE TABLE notes(body TEXT); INSERT INTO notes VALUES ('first'), ('gone'), ('third'); DELETE FROM notes WHERE rowid = 2; CREATE VIRTUAL TABLE nf USING {module}; INSERT INTO nf(nf) VALUES ('rebuild')", "DELETE FROM notes; INSERT INTO nf(nf) VALUES ('rebuild')");
        Assert.Equal("0", Ask("SELECT count(*) FROM nf WHERE nf MATCH 'third'"));
        var result = Restore(good, "notes", force: true);

        Assert.Empty(result.Unrestored);
        Assert.Equal("third", Ask("SELECT n.body FROM nf JOIN notes n ON n.rowid = nf.rowid WHERE nf MATCH 'third'"));
    }

    [Theory]
    [InlineData("CREATE VIRTUAL TABLE v USING fts5(body); INSERT INTO v VALUES ('alpha beta'), ('gamma'); DELETE FROM v WHERE body = 'gamma'; INSERT INTO v VALUES ('delta')", "SELECT group_concat(rowid || body) FROM v WHERE v MATCH 'delta OR beta'", "INSERT INTO v VALUES ('epsilon')")]
    [InlineData("CREATE VIRTUAL TABLE v USING fts4(body); INSERT INTO v VALUES ('alpha beta'), ('gamma')", "SELECT group_concat(rowid || body) FROM v WHERE v MATCH 'beta'", "INSERT INTO v VALUES ('epsilon')")]
    [InlineData("CREATE VIRTUAL TABLE v USING rtree(id, a, b); INSERT INTO v VALUES (1, 0, 10), (2, 5, 6)", "SELECT group_concat(id) FROM v WHERE a >= 5", "INSERT INTO v VALUES (3, 7, 8)")]
    public void A_virtual_table_comes_back_with_its_content(string make, string ask, string insert)
    {
        var good = Take(make, "");
        var before = Ask(ask);
        Do("DROP TABLE v");
        Restore(good, "v");
        Assert.Equal(before, Ask(ask));
        Do(insert);
        Restore(good, "v", force: true);
        Assert.Equal(before, Ask(ask));
        Restore(good, "v", name: "v_other");
        Assert.Equal(before, Ask(ask.Replace("FROM v ", "FROM v_other ", StringComparison.Ordinal).Replace("v MATCH", "v_other MATCH", StringComparison.Ordinal)));
        Assert.Equal("ok", Ask("PRAGMA integrity_check"));
        var shadow = good.Tables.First(t => t.Name.StartsWith("v_", StringComparison.Ordinal)).Name;
        Assert.Contains("Restore 'v'", Assert.Throws<MaintenanceException>(() => Restore(good, shadow, force: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Under_another_name_it_points_to_itself_and_counts()
    {
        var good = Take("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, parent INT REFERENCES t(id)); CREATE INDEX t_parent ON t(parent); CREATE VIEW broken AS SELECT x FROM nowhere; INSERT INTO t VALUES (1, NULL), (5, 1); DELETE FROM t WHERE id = 5", "");
        Restore(good, "t", name: "t_old");
        Assert.Equal("t_old", Ask("SELECT \"table\" FROM pragma_foreign_key_list('t_old')"));
        Assert.Equal("6", Ask("INSERT INTO t_old(parent) VALUES (1) RETURNING id"));
        Assert.Equal("6", Ask("INSERT INTO t(parent) VALUES (1) RETURNING id"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_new_or_empty_file_takes_a_table(bool exists)
    {
        var good = Take("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x); INSERT INTO t(x) VALUES ('grün'), ('x')", "");
        if (exists)
        {
            File.WriteAllBytes(folder["other.db"], []);
        }

        new SnapshotRestore(repository, SilentSink.Instance).Run(good, new RestoreOptions { Table = "t", Destination = folder["other.db"] });
        Assert.Equal("grün,x", Ask("SELECT group_concat(x) FROM t", folder["other.db"]));
        Assert.Equal("3", Ask("INSERT INTO t(x) VALUES (1) RETURNING id", folder["other.db"]));

        SampleDatabase.Create(folder["utf8.db"], 1);
        Assert.Contains("UTF-16", Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, SilentSink.Instance).Run(good, new RestoreOptions { Table = "t", Destination = folder["utf8.db"] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_that_lies_at_a_new_file_s_place_is_kept()
    {
        var good = Take("CREATE TABLE t(x)", "");
        SampleDatabase.Create(folder["other.db"], 10);
        SampleDatabase.LeaveALog(folder["other.db"]);
        var live = SampleDatabase.FingerprintOfCopy(folder["other.db"]);
        File.Move(folder["other.db"], folder["moved.db"]);
        new SnapshotRestore(repository, SilentSink.Instance).Run(good, new RestoreOptions { Table = "t", Destination = folder["other.db"] });
        Assert.Equal("0", Ask("SELECT count(*) FROM t", folder["other.db"]));
        var kept = Assert.Single(Directory.EnumerateFiles(folder.Path, "other.db.before-restore-*-wal"));
        File.Move(kept, folder["moved.db-wal"]);
        Assert.Equal(live, SampleDatabase.Fingerprint(folder["moved.db"]));
    }

    [Fact]
    public void A_failed_restore_leaves_no_new_file()
    {
        var good = Take("CREATE TABLE t(x); CREATE VIRTUAL TABLE v USING fts5(x)", "");
        Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, SilentSink.Instance).Run(good, new RestoreOptions { Table = "v_data", Destination = folder["other.db"] }));
        Assert.False(File.Exists(folder["other.db"]));
        Assert.Throws<MaintenanceException>(() => Restore(good, "sqlite_schema"));
        Do("CREATE VIEW seen AS SELECT 1");
        Assert.Contains("a view 'seen'", Assert.Throws<MaintenanceException>(() => Restore(good, "t", force: true, name: "seen")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Collations_and_functions_of_the_application_are_not_called()
    {
        using (var application = Application())
        {
            application.Execute("CREATE TABLE plain(id INTEGER PRIMARY KEY, name TEXT COLLATE german CHECK (is_fine(name))); CREATE INDEX plain_name ON plain(name); INSERT INTO plain VALUES (1, 'ä'), (2, 'b'); CREATE TABLE keyed(name TEXT COLLATE german PRIMARY KEY); INSERT INTO keyed VALUES ('x'); CREATE TABLE other(x)");
        }

        var good = repository.BackUp(folder["app.db"]);
        Do("DROP TABLE other");
        Restore(good, "other");
        Do("DROP TABLE plain");
        var result = Restore(good, "plain");
        Assert.Equal("plain_name", result.Unrestored.Single().Name);
        Assert.Equal("1,2", Ask("SELECT group_concat(id) FROM plain"));
        Assert.Equal(2, Restore(good, "plain", name: "plain_old").RestoredRows);
        Assert.Contains("german", Assert.Throws<MaintenanceException>(() => Restore(good, "keyed", force: true)).Message, StringComparison.Ordinal);

        using var again = Application();
        again.Execute(result.Unrestored.Single().Statement + "; INSERT INTO plain VALUES (3, 'a')");
        Assert.Equal("ok", again.Scalar<string>("PRAGMA integrity_check"));
        Assert.Equal(1, again.Scalar<long>("SELECT count(*) FROM keyed"));
    }

    [Fact]
    public void What_hides_behind_a_definition_is_not_run()
    {
        using (var hostile = SqliteConnections.OpenAlone(folder["app.db"], create: true))
        {
            SQLitePCL.raw.sqlite3_db_config(hostile.Handle, 1010, 0, out _);
            hostile.Execute("CREATE TABLE victims(x); INSERT INTO victims VALUES (1); CREATE TABLE t(x); PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = sql || '; DELETE FROM victims' WHERE name = 't'");
        }

        var good = repository.BackUp(folder["app.db"]);
        Assert.Equal(ErrorCode.DatabaseCorrupt, Assert.Throws<MaintenanceException>(() => Restore(good, "t", force: true)).Code);
        Assert.Equal("1", Ask("SELECT count(*) FROM victims"));
    }

    private SqliteConnection Application()
    {
        var connection = SqliteConnections.OpenAlone(folder["app.db"], create: true);
        SQLitePCL.raw.sqlite3_db_config(connection.Handle, TrustedSchema, 1, out _);
        connection.CreateCollation("german", string.CompareOrdinal);
        connection.CreateFunction("is_fine", (string _) => true, isDeterministic: true);
        return connection;
    }

    private ErrorCode StrictError(Snapshot good)
    {
        Do("DROP TABLE t; CREATE TABLE t(a, b, c); INSERT INTO t VALUES (1, 2, 3); CREATE INDEX later ON t(c)");
        return Assert.Throws<MaintenanceException>(() => repository.Restore(good, new RestoreOptions { Table = "t", Force = true, Strict = true })).Code;
    }

    private Snapshot Take(string make, string then)
    {
        using (var connection = SqliteConnections.OpenAlone(folder["app.db"], create: true))
        {
            connection.Execute(make);
        }

        var good = repository.BackUp(folder["app.db"]);
        if (then.Length > 0)
        {
            Do(then);
        }

        return good;
    }

    private void Do(string sql) => SampleDatabase.Change(folder["app.db"], sql);

    private RestoreResult Restore(Snapshot snapshot, string table, bool force = false, string? name = null) =>
        repository.Restore(snapshot, new RestoreOptions { Table = table, Force = force, As = name });

    private string Ask(string sql, string? path = null)
    {
        using var connection = SqliteConnections.OpenBeside(path ?? folder["app.db"]);
        return connection.Scalar<string>(sql);
    }
}
