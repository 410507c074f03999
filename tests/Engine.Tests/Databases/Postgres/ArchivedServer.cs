using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>What tests of a log archive do again and again with real servers.</summary>
internal static class ArchivedServer
{
    /// <summary>Runs a statement, ends the segment, and archives all that is whole, as the server's archiver would.</summary>
    public static void Archive(Repository repository, string data, string connection, string sql)
    {
        PostgresCluster.Query<object?>(sql, connection);
        Push(repository, data, PostgresCluster.Query<string>("SELECT pg_walfile_name(pg_switch_wal())", connection));
    }

    /// <summary>Archives the segments of a timeline up to one of them.</summary>
    private static void Push(Repository repository, string data, string last)
    {
        foreach (var segment in Directory.EnumerateFiles(Path.Combine(data, "pg_wal"), last[..8] + "*").Where(f => Path.GetFileName(f).Length == 24 && string.CompareOrdinal(Path.GetFileName(f), last) <= 0).Order().ToList())
        {
            new WalArchive(repository).Push(segment, data);
        }
    }

    /// <summary>A moment that lies between two commits, for sure.</summary>
    public static string Moment(string connection)
    {
        Thread.Sleep(60);
        var moment = PostgresCluster.Query<DateTime>("SELECT clock_timestamp() AT TIME ZONE 'UTC'", connection).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
        Thread.Sleep(60);
        return moment;
    }

    public static WalArchiveState Check(Repository repository, VerificationLevel level = VerificationLevel.Quick) =>
        Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(level));

    /// <summary>Restores to a place, and starts a server there that reads the log from a folder in which all of it lies.</summary>
    public static string Recover(Repository repository, PostgresCluster cluster, TestFolder folder, string target, string name, string? timeline = null)
    {
        var recovery = RecoveryTarget.Parse(target, timeline);
        var snapshot = new SnapshotCatalog(repository).FindBefore(recovery, "latest", new LatestRule { Source = "pg" });
        Fetch(repository, folder["log"]);
        PostgresCluster.Open(folder.Path);
        repository.Restore(snapshot, new RestoreOptions { Destination = folder[name], Recovery = recovery, RestoreCommand = $"cp \"{folder["log"]}/%f\" \"%p\"" });
        var connection = cluster.StartOn(folder[name]);
        Assert.True(SpinWait.SpinUntil(() => !PostgresCluster.Query<bool>("SELECT pg_is_in_recovery()", connection), TimeSpan.FromSeconds(60)));
        return connection;
    }

    public static SnapshotTest Drill(Repository repository, TestFolder folder, string target, params string[] assert)
    {
        PostgresCluster.Open(folder.Path);
        var recovery = RecoveryTarget.Parse(target);
        var snapshot = new SnapshotCatalog(repository).FindBefore(recovery, "latest", new LatestRule { Source = "pg" });
        return new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = VerificationLevel.Restore, Recovery = recovery, Assert = assert, ScratchFolder = folder["scratch"] });
    }

    /// <summary>The object of an archived segment, by its place among those of a timeline.</summary>
    public static string ObjectOf(TestFolder folder, uint timeline, Index place) => Directory
        .EnumerateFiles(folder["repository/wal"], $"{timeline:X8}*", SearchOption.AllDirectories)
        .Where(f => Path.GetFileName(f).Length == 24).Order(StringComparer.Ordinal).ToList()[place];

    private static void Fetch(Repository repository, string to)
    {
        Directory.CreateDirectory(to);
        var archive = new WalArchive(repository);
        var system = Assert.Single(archive.Systems());
        foreach (var (file, _) in archive.Files(system))
        {
            archive.Fetch(file.Name, Path.Combine(to, file.Name), system);
        }
    }
}
