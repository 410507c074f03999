namespace MaintenanceOps.Runner.Tests;

/// <summary>The life of a database's snapshots, command by command.</summary>
public sealed class DatabaseTests : Place
{
    private readonly Mops mops;

    public DatabaseTests() => mops = Mops();

    [Fact]
    public void Words_of_a_few_are_words_and_what_is_not_told_counts_all_the_same()
    {
        foreach (var severity in (string[])["3", "warning,error", "grave"])
        {
            Assert.Contains($"'{severity}' is no severity. Use information, warning, error.", mops.Run("database", "health", "app.db", "--severity", severity).Expect(2).Error, StringComparison.Ordinal);
        }

        Assert.Contains("'7' is no step.", mops.Run("optimize", "app.db", "--step", "7").Expect(2).Error, StringComparison.Ordinal);
        mops.Run("optimize", "app.db", "--step", "checkpoint", "--step", "Analyze").Expect(0);
        Assert.Empty(mops.Run("database", "health", "app.db", "--severity", "error").Expect(0).Output);
    }

    [Fact]
    public void A_database_is_backed_up_listed_proven_compared_and_restored()
    {
        mops.Run("repo", "new", Repository).Expect(0);
        var backup = mops.Run("backup", "app.db", "--source", "app/main", "--tag", "first").Expect(0);
        Assert.Contains("Snapshot ", backup.Output, StringComparison.Ordinal);
        Assert.Contains("1,201 rows in 2 tables", backup.Output, StringComparison.Ordinal);
        Assert.Empty(backup.Error);

        Sql("UPDATE notes SET body = 'other' WHERE id <= 10; DELETE FROM notes WHERE id > 1190; INSERT INTO tags VALUES ('y')");
        var second = mops.Run("backup", "app.db", "--source", "app/main", "--json").Expect(0).Json.Single();
        var list = mops.Run("list", "--json").Expect(0).Json;
        Assert.Equal(2, list.Length);
        var (first, last) = (list[0].GetProperty("id").GetString()!, list[1].GetProperty("id").GetString()!);
        Assert.Equal(second.GetProperty("id").GetString(), last);
        Assert.Equal("Sqlite", list[0].GetProperty("kind").GetString());
        Assert.Equal("first", list[0].GetProperty("tags")[0].GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Number, list[0].GetProperty("elapsed").ValueKind);
        Assert.Single(mops.Run("list", "--tag", "first", "--json").Json);
        Assert.Single(mops.Run("list", "--latest", "--json").Json);
        Assert.Empty(mops.Run("list", "--before", "1d").Expect(0).Output);
        Assert.All(mops.Run("list").Expect(0).Lines, l => Assert.True(l.Length <= 100, l));

        var items = mops.Run("items", first[..8], "--json").Expect(0).Json;
        Assert.Equal(["notes", "tags"], items.Select(i => i.GetProperty("path").GetString()));

        var drill = mops.Run("test", "latest", "--level", "restore", "--json").Expect(0).Json.Single();
        Assert.True(drill.GetProperty("passed").GetBoolean());
        Assert.Equal(1192, drill.GetProperty("rows").GetInt64());
        Assert.Equal("Restore", drill.GetProperty("level").GetString());
        var refuted = mops.Run("test", "latest", "--assert", "SELECT count(*) > 5000 FROM notes").Expect(3);
        Assert.Contains("FAILED", refuted.Output, StringComparison.Ordinal);

        var diff = mops.Run("diff", first[..10], last[..10], "--json").Expect(0).Json;
        var notes = diff.Single(d => d.GetProperty("path").GetString() == "notes");
        Assert.Equal(10, notes.GetProperty("rowsChanged").GetInt64());
        Assert.Equal(10, notes.GetProperty("rowsRemoved").GetInt64());

        mops.Run("restore", first, "--destination", "new.db").Expect(0);
        Assert.Equal(1200, Count(InFolder("new.db"), "notes"));
        mops.Run("restore", first, "--destination", "new.db").Expect(1);
        Assert.Empty(Debris());
    }

    [Fact]
    public void One_table_comes_back_beside_the_live_one_and_the_whole_database_in_place()
    {
        var first = mops.Run("backup", "app.db", "--source", "app/main", "--initialize", "--json").Expect(0).Json.Single().GetProperty("id").GetString()!;
        Sql("DELETE FROM notes");

        var table = mops.Run("restore", first, "--table", "notes", "--as", "notes_old").Expect(0);
        Assert.Contains("1,200 rows", table.Output, StringComparison.Ordinal);
        Assert.Equal(1200, Count(Database, "notes_old"));
        Assert.Equal(0, Count(Database, "notes"));

        var plan = mops.Run("restore", "latest", "--source", "app/main", "--in-place", "--what-if").Expect(0);
        Assert.StartsWith("Would restore", plan.Output, StringComparison.Ordinal);
        Assert.Equal(0, Count(Database, "notes"));

        var restore = mops.Run("restore", "latest", "--source", "app/main", "--in-place", "--json").Expect(0).Json.Single();
        Assert.Equal(1200, Count(Database, "notes"));
        var safety = restore.GetProperty("safetySnapshot").GetString()!;
        mops.Run("restore", safety, "--destination", "old.db").Expect(0);
        Assert.Equal(0, Count(InFolder("old.db"), "notes"));
        Assert.Empty(Debris());
    }

    [Fact]
    public void Sources_that_are_no_databases_are_refused_with_their_code()
    {
        mops.Run("repo", "new", Repository).Expect(0);
        File.WriteAllText(InFolder("empty.db"), "");
        File.WriteAllText(InFolder("text.db"), new string('x', 5000));
        Assert.Contains("[PathNotFound]", mops.Run("backup", "missing.db").Expect(1).Error, StringComparison.Ordinal);
        Assert.Contains("[DatabaseEmpty]", mops.Run("backup", "empty.db").Expect(1).Error, StringComparison.Ordinal);
        Assert.Contains("[NotADatabase]", mops.Run("backup", "text.db", "--kind", "sqlite").Expect(1).Error, StringComparison.Ordinal);
        Assert.Empty(mops.Run("list").Expect(0).Output);
        Assert.Empty(Debris());
    }
}
