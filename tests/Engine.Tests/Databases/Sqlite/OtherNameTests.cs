using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite;

/// <summary>Databases that are in use by another name than the one that is backed up, and users whom nobody sees.</summary>
public sealed class OtherNameTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly List<string> mounts = [];

    public void Dispose()
    {
        mounts.ForEach(m => FullVolume.Unmount(m));
        folder.Dispose();
    }

    [LinuxFact]
    public void A_hard_link_elsewhere_to_a_database_in_use_is_refused_and_left_alone()
    {
        Directory.CreateDirectory(folder["data"]);
        Directory.CreateDirectory(folder["other"]);
        SampleDatabase.Create(folder["data/app.db"], 100);
        LinuxFiles.Run("ln", folder["data/app.db"], folder["other/link.db"]);
        using var repository = Repositories.New(folder);
        using (Use("data/app.db"))
        {
            RefusesOtherName(repository, "other/link.db");
            Assert.Equal(["link.db"], Names("other"));
            Assert.Equal(107, BackUp(repository, "data/app.db").Tables.Single(t => t.Name == "notes").Rows);
        }

        // Nobody uses it: each name has all of it.
        Assert.Equal(107, BackUp(repository, "other/link.db").Tables.Single(t => t.Name == "notes").Rows);
    }

    [FullVolumeFact]
    public void A_file_that_is_mounted_alone_is_refused_while_its_database_is_in_use()
    {
        Directory.CreateDirectory(folder["data"]);
        Directory.CreateDirectory(folder["container"]);
        SampleDatabase.Create(folder["data/app.db"], 100);
        File.WriteAllText(folder["container/app.db"], "");
        LinuxFiles.Run("mount", "--bind", folder["data/app.db"], folder["container/app.db"]);
        mounts.Add(folder["container/app.db"]);
        using var repository = Repositories.New(folder);
        using var application = Use("data/app.db");
        RefusesOtherName(repository, "container/app.db");
        Assert.Equal(["app.db"], Names("container"));

        application.Close();
        var snapshot = BackUp(repository, "container/app.db");
        Assert.Equal(ErrorCode.MountInTheWay, Assert.Throws<MaintenanceException>(() => repository.RestoreInPlace(snapshot)).Code);
        Assert.Equal(107, BackUp(repository, "data/app.db").Tables.Single(t => t.Name == "notes").Rows);
    }

    [LinuxFact]
    public void Of_hard_links_in_a_folder_the_one_with_the_log_is_read()
    {
        Directory.CreateDirectory(folder["tree/sub"]);
        SampleDatabase.Create(folder["tree/m.db"], 100);
        foreach (var name in new[] { "tree/a.db", "tree/z.db" })
        {
            LinuxFiles.Run("ln", folder["tree/m.db"], folder[name]);
        }

        using var repository = Repositories.New(folder);
        using var application = Use("tree/m.db");
        var snapshot = repository.BackUpFiles(folder["tree"]);
        Assert.Empty(snapshot.Warnings);
        repository.Restore(snapshot, folder["out"]);
        Assert.Equal(["a.db", "m.db", "sub", "z.db"], Names("out"));
        using var restored = SampleDatabase.AsApplication(folder["out/m.db"]);
        Assert.Equal(107, restored.Scalar<long>("SELECT count(*) FROM notes"));
        Assert.Equal("ok", restored.Scalar<string>("PRAGMA integrity_check"));
        Assert.Equal(3, (int)TreeAccess.Current.Facts(folder["out/m.db"])!.Value.Links);
    }

    [LinuxFact]
    public void Whoever_has_a_file_open_is_noticed_by_everybody()
    {
        SampleDatabase.Create(folder["app.db"], 10, 4096, "delete");
        Assert.False(OpenFiles.Has(folder["app.db"]));
        using (var reader = Process.Start("sh", ["-c", $"exec 3< '{folder["app.db"]}'; touch '{folder["ready"]}'; exec sleep 60"]))
        {
            while (!File.Exists(folder["ready"]))
            {
                Thread.Sleep(10);
            }

            Assert.True(OpenFiles.Has(folder["app.db"]));
            reader.Kill();
            reader.WaitForExit();
        }

        Assert.False(OpenFiles.Has(folder["app.db"]));
        Assert.False(OpenFiles.Has(folder["none.db"]));
    }

    private Microsoft.Data.Sqlite.SqliteConnection Use(string name)
    {
        var application = SampleDatabase.AsApplication(folder[name]);
        application.Execute("PRAGMA wal_autocheckpoint = 0");
        SampleDatabase.AddNotes(application, 7);
        return application;
    }

    private void RefusesOtherName(Repository repository, string name)
    {
        var error = Assert.Throws<MaintenanceException>(() => BackUp(repository, name));
        Assert.Equal(ErrorCode.DatabaseBusy, error.Code);
        Assert.Contains("by another name", error.Message, StringComparison.Ordinal);
    }

    private Snapshot BackUp(Repository repository, string name) =>
        new SqliteBackup(repository, SilentSink.Instance).Run(folder[name], new BackupOptions { Source = name });

    private string[] Names(string name) => [.. Directory.EnumerateFileSystemEntries(folder[name]).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
}
