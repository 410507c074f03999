using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Microsoft.Data.Sqlite;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>Stored values are compared byte for byte, whatever a column's collation or affinity takes for equal.</summary>
public sealed class SqliteComparisonTests : IDisposable
{
    /// <summary>An application trusts its own schema.</summary>
    private const int TrustedSchema = 1017;

    private readonly TestFolder folder = new();
    private readonly Repository repository;

    public SqliteComparisonTests() => repository = Repositories.New(folder);

    public void Dispose()
    {
        repository.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("TEXT COLLATE NOCASE", "'Ann'", "'ANN'")]
    [InlineData("TEXT COLLATE RTRIM", "'a'", "'a  '")]
    [InlineData("", "1", "1.0")]
    [InlineData("", "1", "'1'")]
    [InlineData("", "'1'", "x'31'")]
    [InlineData("", "0.0", "-0.0")]
    [InlineData("", "NULL", "''")]
    [InlineData("", "x''", "''")]
    [InlineData("", "x'00'", "x'0000'")]
    [InlineData("", "'a' || char(0) || 'b'", "'a' || char(0) || 'c'")]
    [InlineData("", "CAST(x'61ff' AS TEXT)", "CAST(x'61fe' AS TEXT)")]
    [InlineData("", "9007199254740993", "9007199254740992.0")]
    [InlineData("REAL", "0.1", "0.1 + 1e-17 * 3")]
    [InlineData("COLLATE NOCASE UNIQUE", "'Ann'", "'ANN'")]
    public void A_value_that_is_stored_otherwise_is_changed(string type, string before, string after)
    {
        foreach (var encoding in new[] { "UTF-8", "UTF-16le" })
        {
            var changed = Compare(
                $"PRAGMA encoding = '{encoding}'; CREATE TABLE t(id INTEGER PRIMARY KEY, v {type}); INSERT INTO t VALUES (1, {before}), (2, 'same')",
                $"UPDATE t SET v = {after} WHERE id = 1").Single();
            Assert.Equal(("t", DifferenceKind.Changed, 0L, 0L, 1L), (changed.Path, changed.Change, changed.RowsAdded, changed.RowsRemoved, changed.RowsChanged));
            Assert.Equal("", changed.Detail);
        }
    }

    [Theory]
    [InlineData("CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2), ('C', 3)", "UPDATE t SET k = 'A' WHERE k = 'a'", 1, 1, 0)]
    [InlineData("CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1), ('b', 2), ('C', 3)", "UPDATE t SET k = 'B', v = 5 WHERE k = 'b'", 1, 1, 0)]
    [InlineData("CREATE TABLE t(k TEXT, n INT, v, PRIMARY KEY(n, k)); INSERT INTO t VALUES ('a', 2, 1), ('b', 1, 2), (NULL, 1, 3), (NULL, 1, 4)", "UPDATE t SET v = 9 WHERE v = 4; DELETE FROM t WHERE v = 3; INSERT INTO t VALUES ('c', 0, 1)", 1, 1, 1)]
    [InlineData("CREATE TABLE t(k PRIMARY KEY, v); INSERT INTO t VALUES (1, 1), ('1', 2), (x'31', 3), (1.5, 4)", "UPDATE t SET v = 0 WHERE typeof(k) = 'text'; UPDATE t SET k = 1.0 WHERE k = 1 AND typeof(k) = 'integer'", 0, 0, 2)]
    [InlineData("CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2)", "REPLACE INTO t VALUES ('a', 1)", 0, 0, 0)]
    [InlineData("CREATE TABLE t(v); INSERT INTO t VALUES (1), (1), (1)", "DELETE FROM t WHERE rowid = 2; UPDATE t SET v = 2 WHERE rowid = 3", 0, 1, 1)]
    [InlineData("CREATE TABLE t(rowid, oid, _rowid_); INSERT INTO t VALUES (1, 1, 1), (1, 1, 1), (2, 2, 2)", "DELETE FROM t WHERE rowid = 2; INSERT INTO t VALUES (1, 1, 1)", 1, 1, 0)]
    [InlineData("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (-5, 1), (9223372036854775807, 2), (0, 3)", "UPDATE t SET id = 1 WHERE id = 0; UPDATE t SET v = 7 WHERE id < 0", 1, 1, 1)]
    public void Rows_are_matched_by_their_key(string make, string then, long added, long removed, long changed)
    {
        var found = Compare(make, then).SingleOrDefault();
        Assert.Equal((added, removed, changed), (found?.RowsAdded ?? 0, found?.RowsRemoved ?? 0, found?.RowsChanged ?? 0));
    }

    [Fact]
    public void A_collation_that_only_the_application_has_is_no_hindrance()
    {
        using (var application = Application())
        {
            application.Execute("CREATE TABLE t(k TEXT COLLATE german PRIMARY KEY, v COLLATE german) WITHOUT ROWID; CREATE INDEX i ON t(v); CREATE TABLE u(k COLLATE german PRIMARY KEY, v); INSERT INTO t VALUES ('a', 'x'), ('b', 'y'); INSERT INTO u SELECT * FROM t");
        }

        var first = repository.BackUp(folder["app.db"]);
        using (var application = Application())
        {
            application.Execute("UPDATE t SET v = 'z' WHERE k = 'b'; DELETE FROM u WHERE k = 'a'");
        }

        var found = Compare(first, repository.BackUp(folder["app.db"]));
        Assert.Equal([("t", 1L, 0L), ("u", 0L, 1L)], found.Select(f => (f.Path, f.RowsChanged!.Value, f.RowsRemoved!.Value)));
    }

    [Fact]
    public void What_cannot_be_compared_is_said()
    {
        using (var application = Application())
        {
            application.Execute("CREATE TABLE t(a, b AS (twice(a)) STORED); INSERT INTO t(a) VALUES (1); CREATE TABLE w(a PRIMARY KEY, b) WITHOUT ROWID; CREATE TABLE x(a)");
        }

        var first = repository.BackUp(folder["app.db"]);
        Do("DROP TABLE w; CREATE TABLE w(a, c); INSERT INTO w VALUES (1, 2); ALTER TABLE x ADD COLUMN c");
        var found = Compare(first, repository.BackUp(folder["app.db"]));
        Assert.Equal(["w", "x"], found.Select(f => f.Path));
        Assert.StartsWith("schema, rows not compared", found[0].Detail, StringComparison.Ordinal);
        Assert.Null(found[0].RowsChanged);
        Assert.Equal("schema, columns only in the difference (c)", found[1].Detail);
    }

    [Fact]
    public void Views_triggers_and_indexes_count()
    {
        var found = Compare(
            "CREATE TABLE t(a); CREATE INDEX i ON t(a); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW gone AS SELECT 1; CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
            "DROP INDEX i; CREATE INDEX j ON t(a DESC); DROP VIEW v; CREATE VIEW v AS SELECT a + 1 FROM t; DROP VIEW gone; DROP TRIGGER r; CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 2; END");
        Assert.Equal(["gone", "t", "v"], found.Select(f => f.Path));
        Assert.Equal((DifferenceKind.Removed, "view gone removed"), (found[0].Change, found[0].Detail));
        Assert.Equal((DifferenceKind.Changed, "index i removed, index j added, trigger r changed"), (found[1].Change, found[1].Detail));
        Assert.Equal("view v changed", found[2].Detail);
    }

    [Fact]
    public void A_virtual_table_differs_where_its_content_does()
    {
        var found = Compare("CREATE VIRTUAL TABLE f USING fts5(a); INSERT INTO f VALUES ('x'); CREATE VIRTUAL TABLE same USING fts5(a)", "UPDATE f SET a = 'y'");
        Assert.Contains(found, f => f.Path == "f" && f.Detail.Contains("f_content", StringComparison.Ordinal));
        Assert.DoesNotContain(found, f => f.Path.StartsWith("same", StringComparison.Ordinal));
    }

    [Fact]
    public void The_next_id_is_part_of_a_table()
    {
        var found = Compare("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t(a) VALUES (1)", "INSERT INTO t(a) VALUES (2); DELETE FROM t WHERE a = 2").Single();
        Assert.Equal("next id", found.Detail);
    }

    [Fact]
    public void Many_rows_take_little_memory()
    {
        Do("CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v BLOB); INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT 'key ' || i, zeroblob(1000) FROM n", create: true);
        var first = repository.BackUp(folder["app.db"]);
        Do("UPDATE t SET v = x'00' WHERE k LIKE '%77'");
        var second = repository.BackUp(folder["app.db"]);
        GC.Collect();
        var before = GC.GetTotalAllocatedBytes();
        Assert.Equal(600, Compare(first, second).Single().RowsChanged);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 400L << 20);
    }

    private SqliteConnection Application()
    {
        var connection = SqliteConnections.OpenAlone(folder["app.db"], create: true);
        SQLitePCL.raw.sqlite3_db_config(connection.Handle, TrustedSchema, 1, out _);
        connection.CreateCollation("german", string.CompareOrdinal);
        connection.CreateFunction("twice", (long a) => a * 2, isDeterministic: true);
        return connection;
    }

    private IReadOnlyList<SnapshotDifference> Compare(string make, string then)
    {
        File.Delete(folder["app.db"]);
        Do(make, create: true);
        var first = repository.BackUp(folder["app.db"]);
        Do(then);
        return Compare(first, repository.BackUp(folder["app.db"]));
    }

    private IReadOnlyList<SnapshotDifference> Compare(Snapshot first, Snapshot second) => new SnapshotComparison(repository, SilentSink.Instance).Run(first, second);

    private void Do(string sql, bool create = false)
    {
        using var connection = SqliteConnections.OpenAlone(folder["app.db"], create);
        connection.Execute(sql);
    }
}
