using System.Globalization;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>Databases that use what only their application knows are taken, proven as far as that goes, and come back byte for byte.</summary>
public sealed class UnknownPartsTests : IDisposable
{
    private readonly TestFolder folder = new();

    /// <summary>A name, statements, and what is then exchanged in the schema for what SQLite does not know.</summary>
    public static TheoryData<string, string, string, string> Parts { get; } = new()
    {
        { "collation of an index", "CREATE TABLE t(a TEXT COLLATE NOCASE, b); CREATE INDEX t_a ON t(a); INSERT INTO t SELECT name, id FROM users", "NOCASE", "icu_de" },
        { "collation of a key", "CREATE TABLE t(a TEXT COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t SELECT 'K' || id, id FROM notes", "NOCASE", "naturalsort" },
        { "collation of a unique column", "CREATE TABLE t(a TEXT UNIQUE COLLATE RTRIM); INSERT INTO t SELECT 'K' || id FROM notes", "RTRIM", "unicase" },
        { "function of a check", "CREATE TABLE t(a CHECK(abs(a) > 0)); INSERT INTO t SELECT id FROM notes", "abs(", "is_valid(" },
        { "function of a generated column", "CREATE TABLE t(a, b AS (upper(a)) VIRTUAL NOT NULL, c AS (lower(a)) STORED); INSERT INTO t(a) SELECT id FROM notes", "upper(", "slugify(" },
        { "function of an index", "CREATE TABLE t(a); CREATE INDEX t_x ON t(length(a)) WHERE length(a) > 1; INSERT INTO t SELECT id FROM notes", "length(", "unaccent(" },
        { "tokenizer", "CREATE VIRTUAL TABLE t USING fts5(a, tokenize = 'porter ascii'); INSERT INTO t SELECT name FROM users", "ascii", "jieba" },
        { "older tokenizer", "CREATE VIRTUAL TABLE t USING fts4(a, tokenize=simple); INSERT INTO t SELECT name FROM users", "simple", "mozporter" },
        { "module", "CREATE VIRTUAL TABLE t USING fts5(a); INSERT INTO t SELECT name FROM users", "fts5", "vec0" },
        { "syntax of a table", "CREATE TABLE t(a); INSERT INTO t SELECT id FROM notes", "t(a)", "t(a) COLUMNAR" },
        { "syntax of a view", "CREATE VIEW t AS SELECT 1", "SELECT 1", "SELECT 1 QUALIFY 2" },
    };

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Parts))]
    public void It_is_taken_named_tested_drilled_and_restored(string what, string sql, string known, string unknown)
    {
        Make(sql, known, unknown);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.True(snapshot.State == SnapshotState.PartlyChecked, $"{what}: {snapshot.State}");
        Assert.Contains(snapshot.Unchecked, gap => gap.Contains(unknown.TrimEnd('('), StringComparison.OrdinalIgnoreCase) || gap.Contains("syntax", StringComparison.Ordinal) || gap.Contains("schema", StringComparison.Ordinal));
        Assert.True(what[..4] is not ("coll" or "func") || snapshot.Tables.All(t => t.Rows > 0), $"{what}: rows were not counted");
        foreach (var level in (VerificationLevel[])[VerificationLevel.Quick, VerificationLevel.Full, VerificationLevel.Restore])
        {
            var test = repository.Prove(snapshot, level);
            Assert.True(test.Passed, $"{what}, {level}: {string.Join('\n', test.Findings)}");
        }

        repository.Restore(snapshot, folder["out.db"]);
        Assert.Equal(File.ReadAllBytes(folder["app.db"]), File.ReadAllBytes(folder["out.db"]));
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Damage_in_it_is_still_found(string what, string sql, string known, string unknown)
    {
        Make(sql, known, unknown);
        using (var file = File.OpenWrite(folder["app.db"]))
        {
            // The middle of the notes, whatever else there is.
            file.Position = 30 * 4096;
            file.Write(Enumerable.Repeat((byte)0xee, 4096).ToArray());
        }

        using var repository = Repositories.New(folder);
        var error = Assert.Throws<MaintenanceException>(() => repository.BackUp(folder["app.db"]));
        Assert.True(error.Code == ErrorCode.DatabaseCorrupt, $"{what}: {error.Message}");
    }

    [Fact]
    public void In_a_folder_it_is_read_in_one_transaction_too()
    {
        Make("CREATE TABLE t(a TEXT COLLATE NOCASE); CREATE INDEX t_a ON t(a); INSERT INTO t SELECT name FROM users", "NOCASE", "icu_de");
        Directory.CreateDirectory(folder["tree"]);
        File.Move(folder["app.db"], folder["tree/app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        Assert.Empty(snapshot.Warnings);
        Assert.Contains("icu_de", Assert.Single(snapshot.Unchecked), StringComparison.Ordinal);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void What_the_application_broke_is_not_damage()
    {
        SampleDatabase.Create(folder["app.db"], 500, 4096, "delete");
        using (var application = SampleDatabase.AsApplication(folder["app.db"]))
        {
            // A check that does not hold, a full-text index that was not kept up to date, a key that points nowhere.
            application.Execute("CREATE TABLE c(a CHECK(a > 0)); PRAGMA ignore_check_constraints = ON; INSERT INTO c VALUES (-1)");
            application.Execute("CREATE VIRTUAL TABLE f USING fts5(name, content = 'users', content_rowid = 'id'); INSERT INTO f(f) VALUES ('rebuild'); UPDATE users SET name = 'somebody else'");
            application.Execute("PRAGMA foreign_keys = OFF; UPDATE notes SET user_id = 4711 WHERE id = 7");
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        Assert.Equal(SnapshotState.Checked, snapshot.State);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore, "SELECT count(*) > 0 FROM f WHERE f MATCH 'user'").Passed);
    }

    [Theory]
    [InlineData("a > 10", "a > 20", false)]
    [InlineData("a > 10", "a > 10", true)]
    [InlineData("\"where\" IS NOT NULL", "\"where\" IS NOT NULL AND b = ')'", false)]
    [InlineData("a IN (1, 2, 3) AND b <> 'where'", "a IN (1) AND b <> 'where'", false)]
    public void Surplus_entries_of_a_partial_index_are_damage(string made, string said, bool isSound)
    {
        using (var connection = SampleDatabase.AsApplication(folder["app.db"]))
        {
            connection.Execute($"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, \"where\"); WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t SELECT i, 'x' || i, i FROM n; CREATE INDEX some ON t(b, /* (where */ \"where\" DESC) -- where\n WHERE {made}");
            connection.Execute($"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = replace(sql, '{made.Replace("'", "''", StringComparison.Ordinal)}', '{said.Replace("'", "''", StringComparison.Ordinal)}') WHERE name = 'some'");
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        var test = repository.Drill(folder, snapshot);
        Assert.True(test.Passed == isSound, string.Join('\n', test.Findings));
    }

    [Fact]
    public void What_stands_behind_the_statement_of_an_index_is_not_run()
    {
        using (var connection = SampleDatabase.AsApplication(folder["app.db"]))
        {
            connection.Execute("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2); CREATE INDEX some ON t(a) WHERE a > 0");
            var more = $"; ATTACH ''{folder["planted.db"]}'' AS x; CREATE TABLE x.t(a); DELETE FROM t";
            connection.Execute($"PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql = sql || '{more}' WHERE name = 'some'");
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        var test = repository.Drill(folder, snapshot, "select count(*) = 2 from t");
        Assert.True(test is { Passed: true, Integrity: "ok" }, string.Join('\n', test.Findings));
        Assert.False(File.Exists(folder["planted.db"]));
    }

    private void Make(string sql, string known, string unknown)
    {
        SampleDatabase.Create(folder["app.db"], 500, 4096, "delete");
        using var application = SampleDatabase.AsApplication(folder["app.db"]);
        application.Execute(sql);
        application.Execute(string.Create(
            CultureInfo.InvariantCulture,
            $"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '{known.Replace("'", "''", StringComparison.Ordinal)}', '{unknown}') WHERE tbl_name IN ('t')"));
    }
}
