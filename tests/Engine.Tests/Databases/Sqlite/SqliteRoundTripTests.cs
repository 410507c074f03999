using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

public sealed class SqliteRoundTripTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<int, string> PageSizesAndModes()
    {
        var data = new TheoryData<int, string>();
        foreach (var pageSize in (int[])[512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
        {
            foreach (var mode in (string[])["wal", "delete", "truncate", "persist"])
            {
                data.Add(pageSize, mode);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(PageSizesAndModes))]
    public void A_database_of_any_page_size_comes_back(int pageSize, string journalMode)
    {
        SampleDatabase.Create(folder["app.db"], 400, pageSize, journalMode);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        repository.Restore(snapshot, folder["out.db"]);

        Assert.Equal(SampleDatabase.Fingerprint(folder["app.db"]), SampleDatabase.Fingerprint(folder["out.db"]));
        var test = repository.Prove(snapshot, VerificationLevel.Restore);
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Equal("ok", test.Integrity);
        Assert.Equal(420, test.Rows);
    }

    [Fact]
    public void Pages_that_are_only_in_the_log_are_taken()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var writer = SqliteConnections.OpenBeside(folder["app.db"]);
        writer.Execute("PRAGMA wal_autocheckpoint = 0");
        SampleDatabase.AddNotes(writer, 300);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        repository.Restore(snapshot, folder["out.db"]);

        Assert.Equal(800, snapshot.Tables.Single(t => t.Name == "notes").Rows);
        Assert.Equal(SampleDatabase.Fingerprint(folder["app.db"]), SampleDatabase.Fingerprint(folder["out.db"]));
    }

    [Fact]
    public void A_second_snapshot_costs_what_changed()
    {
        SampleDatabase.Create(folder["app.db"], 5000);
        using var repository = Repositories.New(folder);
        var first = repository.BackUp(folder["app.db"]);
        SampleDatabase.Change(folder["app.db"], "UPDATE notes SET body = 'changed' WHERE id = 77");
        var second = repository.BackUp(folder["app.db"]);

        Assert.Equal(first.Id, second.Parent);
        Assert.InRange(second.StoredSize, 1, first.StoredSize / 20);
        Assert.True(repository.Prove(first, VerificationLevel.Restore).Passed);
        Assert.True(repository.Prove(second, VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void An_unchanged_database_stores_no_block_and_no_map()
    {
        SampleDatabase.Create(folder["app.db"]);
        File.SetLastWriteTimeUtc(folder["app.db"], DateTime.UtcNow.AddMinutes(-1));
        using var repository = Repositories.New(folder);
        var first = repository.BackUp(folder["app.db"]);
        var second = repository.BackUp(folder["app.db"]);

        Assert.Equal(0, second.StoredSize);
        Assert.Equal(first.ContentHash, second.ContentHash);
        Assert.NotEqual(first.Id, second.Id);
        Assert.Single(repository.Store.List("maps/"));
    }

    [Fact]
    public void An_unchanged_database_is_stored_again_where_the_repository_lost_it()
    {
        SampleDatabase.Create(folder["app.db"]);
        File.SetLastWriteTimeUtc(folder["app.db"], DateTime.UtcNow.AddMinutes(-1));
        using var repository = Repositories.New(folder);
        repository.BackUp(folder["app.db"]);
        repository.Store.Delete(repository.Store.List("packs/").Single().Name);
        repository.ForgetIndex();
        var second = repository.BackUp(folder["app.db"]);

        repository.ForgetIndex();
        Assert.True(repository.Prove(second, VerificationLevel.Restore).Passed);
    }

    [Fact]
    public void A_failed_assertion_fails_the_drill_and_a_true_one_does_not()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);

        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore, "select count(*) > 0 from users").Passed);
        var failed = repository.Prove(snapshot, VerificationLevel.Restore, "select count(*) > 1000 from users", "select count(*) < 3 from notes");
        Assert.False(failed.Passed);
        Assert.Equal(2, failed.Findings.Count);
        Assert.False(failed.Damaged);

        // It restored as it was taken: it is not damaged, and it does not count as verified either.
        var catalog = new SnapshotCatalog(repository);
        Assert.True(catalog.Find(snapshot.Id) is { AssertionFailed: true, Damaged: false, Verified: VerificationLevel.None });
        Assert.Empty(catalog.List(new SnapshotFilter { Verified = true }));

        // A check that looks less closely does not outweigh the drill; the next drill does.
        Assert.True(repository.Prove(snapshot, VerificationLevel.Full).Passed);
        Assert.True(catalog.Find(snapshot.Id).AssertionFailed);
        Assert.True(repository.Prove(snapshot, VerificationLevel.Restore).Passed);
        Assert.True(catalog.Find(snapshot.Id) is { AssertionFailed: false, Verified: VerificationLevel.Restore });
    }

    [Fact]
    public void In_place_replaces_the_database_and_keeps_the_old_state_as_a_snapshot()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(folder["app.db"]);
        var before = SampleDatabase.Fingerprint(folder["app.db"]);
        SampleDatabase.Change(folder["app.db"], "DELETE FROM notes");
        var result = repository.RestoreInPlace(good);

        Assert.Equal(before, SampleDatabase.Fingerprint(folder["app.db"]));
        var safety = new SnapshotCatalog(repository).Find(result.SafetySnapshot!);
        Assert.Equal("app/main@before-restore", safety.Source);
        Assert.Equal(0, safety.Tables.Single(t => t.Name == "notes").Rows);
        Assert.DoesNotContain(Directory.GetFiles(folder.Path, "*", new EnumerationOptions { AttributesToSkip = 0 }), f => Path.GetFileName(f).Contains("mops", StringComparison.Ordinal));
    }

    [Fact]
    public void In_place_brings_no_row_of_the_old_log_back()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var good = repository.BackUp(folder["app.db"]);

        // A log that nobody has open, as after a power cut.
        using (var writer = SqliteConnections.OpenBeside(folder["app.db"]))
        {
            writer.Execute("PRAGMA wal_autocheckpoint = 0; DELETE FROM notes WHERE id > 10");
            File.Copy(folder["app.db-wal"], folder["saved-wal"]);
        }

        File.Move(folder["saved-wal"], folder["app.db-wal"], overwrite: true);
        repository.RestoreInPlace(good);

        Assert.False(File.Exists(folder["app.db-wal"]));
        using var connection = SqliteConnections.OpenAlone(folder["app.db"]);
        Assert.Equal(500, connection.Scalar<long>("SELECT count(*) FROM notes"));
    }

    [Fact]
    public void One_table_comes_back_under_another_name_into_the_live_database()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUp(folder["app.db"]);
        using var live = SqliteConnections.OpenBeside(folder["app.db"]);
        live.Execute("DELETE FROM notes WHERE id <= 100");
        var options = new RestoreOptions { Table = "notes", As = "notes_old" };
        var result = new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, options);

        Assert.Equal(500, result.RestoredRows);
        Assert.Equal(400, live.Scalar<long>("SELECT count(*) FROM notes"));
        Assert.Equal(500, live.Scalar<long>("SELECT count(*) FROM notes_old"));
        var refused = Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, options));
        Assert.Equal(ErrorCode.DestinationInUse, refused.Code);
    }

    [Fact]
    public void Comparison_counts_rows_added_removed_and_changed()
    {
        SampleDatabase.Create(folder["app.db"]);
        using var repository = Repositories.New(folder);
        var first = repository.BackUp(folder["app.db"]);
        SampleDatabase.Change(folder["app.db"], "DELETE FROM notes WHERE id <= 3; UPDATE notes SET body = 'x' WHERE id BETWEEN 10 AND 14; INSERT INTO notes(body) VALUES ('new'); CREATE TABLE extra(a); INSERT INTO extra VALUES (1), (2)");
        var second = repository.BackUp(folder["app.db"]);
        var differences = new SnapshotComparison(repository, SilentSink.Instance).Run(first, second);

        var notes = differences.Single(d => d.Path == "notes");
        Assert.Equal((1, 3, 5), (notes.RowsAdded, notes.RowsRemoved, notes.RowsChanged));
        var extra = differences.Single(d => d.Path == "extra");
        Assert.Equal((DifferenceKind.Added, 2), (extra.Change, extra.RowsAdded));
        Assert.Equal(2, differences.Count);
    }
}
