using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

public sealed class WalArchiveTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("000000010000000000000001", true)]
    [InlineData("0000000A.history", true)]
    [InlineData("000000010000000000000002.00000028.backup", true)]
    [InlineData("000000010000000000000002.partial", true)]
    [InlineData("00000001000000000000000g", false)]
    [InlineData("00000001000000000000000a", false)]
    [InlineData("000000010000000000000001/..", false)]
    [InlineData("../../etc/passwd", false)]
    [InlineData("", false)]
    public void Only_the_names_of_the_log_are_names(string name, bool valid) => Assert.Equal(valid, WalFile.TryParse(name, out _));

    [Theory]
    [InlineData(16L << 20, "0000000100000000000000FF", "000000010000000100000000")]
    [InlineData(64L << 20, "00000001000000000000003F", "000000010000000100000000")]
    [InlineData(1L << 20, "000000010000000000000FFF", "000000010000000100000000")]
    public void Segments_count_on_across_files(long size, string last, string next) =>
        Assert.Equal(next, WalFile.Segment(1, WalFile.Parse(last).Number(size) + 1, size).Name);

    [PostgresFact]
    public void The_archive_is_checked_copied_and_pruned_with_its_base_backups()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        using var second = Repository.Create(folder["second"], Engine.Snapshots.Keys.Passphrase.FromText("another"));
        var older = BaseBackupTests.BackUp(repository, cluster);
        Archive(repository, cluster, 3);
        var newer = BaseBackupTests.BackUp(repository, cluster);
        Archive(repository, cluster, 3);

        var state = Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Full));
        Assert.True(state.Healthy, string.Join('\n', state.Findings));
        Assert.Equal(2, state.RecoverableFrom.Count);
        Assert.Empty(repository.Check());

        // A copy takes along the log from its own base backup on, sealed with the other repository's key.
        new SnapshotCopy(repository, second, SilentSink.Instance).Run(newer);
        var copied = Assert.Single(new WalArchiveCheck(second, SilentSink.Instance).Run(VerificationLevel.Full));
        Assert.True(copied.Healthy, string.Join('\n', copied.Findings));
        Assert.InRange(copied.Segments, 1, state.Segments - 1);

        // With a recovery window the log from the base backup that was there when it began stays, and the older one keeps its own moment.
        new RepositoryPrune(repository, SilentSink.Instance).Run(new PruneOptions { RecoveryWindow = TimeSpan.FromHours(1) });
        Assert.Equal(2, Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Quick)).RecoverableFrom.Count);
        new RepositoryPrune(repository, SilentSink.Instance).Run(new PruneOptions { RecoveryWindow = TimeSpan.Zero });
        var window = Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Full));
        Assert.True(window.Healthy, string.Join('\n', window.Findings));
        Assert.Equal((copied.First, newer.ShortId, older.ShortId), (window.First, Assert.Single(window.RecoverableFrom), Assert.Single(window.OwnMomentOnly)));
        Assert.True(repository.Drill(folder, older).Passed);

        // The log before the oldest base backup that is kept goes with the next prune, and nothing after it.
        new SnapshotCatalog(repository).Remove(older.Id);
        repository.Prune();
        var pruned = Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Full));
        Assert.True(pruned.Healthy, string.Join('\n', pruned.Findings));
        Assert.Equal((copied.First, copied.Last), (pruned.First, pruned.Last));

        // A flipped bit and a missing segment are found, and named.
        var middle = Directory.EnumerateFiles(folder["repository/wal"], "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f).Length == 24).Order(StringComparer.Ordinal).ElementAt(1);
        var bytes = File.ReadAllBytes(middle);
        bytes[bytes.Length / 2] ^= 4;
        File.WriteAllBytes(middle, bytes);
        Assert.Contains(repository.Check(), f => f.Rule == "WalArchiveBroken" && f.Message.Contains(Path.GetFileName(middle), StringComparison.Ordinal));
        File.Delete(middle);
        Assert.Contains(repository.Check(VerificationLevel.Quick), f => f.Rule == "WalArchiveBroken" && f.Message.Contains("missing", StringComparison.Ordinal));
        new SnapshotCopy(second, repository, SilentSink.Instance).Run(new SnapshotCatalog(second).List()[0]);
        Assert.Empty(repository.Check());

        // Two that archive side by side are found: a new timeline, and the old one going on after it.
        File.WriteAllText(folder["00000002.history"], "1\t0/1000000\tbefore 2026-11-22 07:50:34+00\n");
        new WalArchive(repository).Push(folder["00000002.history"], cluster.Data);
        Assert.True(Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Quick)).Healthy);
        Thread.Sleep(50);
        Archive(repository, cluster, 1);
        Assert.Contains("branched off", Assert.Single(Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Quick)).Findings), StringComparison.Ordinal);
    }

    [PostgresFact]
    public void A_plan_of_the_settings_changes_nothing_until_it_is_applied()
    {
        using var cluster = new PostgresCluster();
        var plan = WalArchiveSettings.Plan(cluster.ConnectionString, folder["it's here"], "/usr/local/bin/mops", TimeSpan.FromMinutes(1));
        Assert.Equal(["archive_mode", "archive_command", "archive_timeout"], plan.Changes.Select(c => c.Name));
        Assert.Equal("off", cluster.Query<string>("SHOW archive_mode"));
        Assert.Equal("0", cluster.Query<string>("SHOW archive_timeout"));
        Assert.Contains(folder["nothing"], WalArchiveSettings.Plan(cluster.ConnectionString, folder.Path, folder["nothing"], TimeSpan.FromMinutes(1)).Doubt, StringComparison.Ordinal);
        Assert.Null(WalArchiveSettings.Plan(cluster.ConnectionString, folder.Path, "mops", TimeSpan.FromMinutes(1)).Doubt);

        plan.Apply();
        cluster.Stop();
        cluster.Start();
        Assert.Equal("on", cluster.Query<string>("SHOW archive_mode"));
        Assert.Equal($"\"/usr/local/bin/mops\" wal-push \"%p\" --repository \"{folder["it's here"]}\"", cluster.Query<string>("SHOW archive_command"));
        Assert.Empty(WalArchiveSettings.Plan(cluster.ConnectionString, folder["it's here"], "/usr/local/bin/mops", TimeSpan.FromMinutes(1)).Changes);
    }

    private static void Archive(Repository repository, PostgresCluster cluster, int segments)
    {
        for (var i = 0; i < segments; i++)
        {
            cluster.Execute($"CREATE TABLE t{Guid.NewGuid():N} AS SELECT generate_series(1, 10)");
            cluster.Execute("SELECT pg_switch_wal()");
        }

        var current = cluster.Query<string>("SELECT pg_walfile_name(pg_current_wal_lsn())");
        foreach (var segment in Directory.EnumerateFiles(Path.Combine(cluster.Data, "pg_wal"), "0*").Where(f => string.CompareOrdinal(Path.GetFileName(f), current) < 0).Order())
        {
            new WalArchive(repository).Push(segment, cluster.Data);
        }
    }
}
