using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>A repository of version 1 is raised by the first command that writes to it; a process that dies in that leaves one of them.</summary>
public sealed class UpgradeTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(GoldenData.Plain)]
    [InlineData(GoldenData.Encrypted)]
    public void Reading_leaves_it_and_writing_raises_it(string name)
    {
        var place = GoldenData.Copy(name, folder.Path);
        using (var repository = Open(name, place))
        {
            Assert.Empty(repository.Check());
            Assert.Equal(1, repository.Description.Format);
        }

        BackUp(name, place);
        CheckAll(name, place);
    }

    [Theory]
    [InlineData("the copy alone is new")]
    [InlineData("the copy alone is new, and the old one is damaged")]
    [InlineData("the copy is damaged")]
    public void A_process_that_died_in_it_costs_nothing(string state)
    {
        var place = GoldenData.Copy(GoldenData.Plain, folder.Path);
        var (main, copy) = (Path.Combine(place, "repository.json"), Path.Combine(place, "repository.copy.json"));
        var old = File.ReadAllBytes(main);
        BackUp(GoldenData.Plain, place);
        switch (state)
        {
            case "the copy alone is new":
                File.WriteAllBytes(main, old);
                break;
            case "the copy alone is new, and the old one is damaged":
                File.WriteAllBytes(main, old[..(old.Length / 2)]);
                break;
            default:
                File.WriteAllBytes(copy, [1, 2, 3]);
                break;
        }

        BackUp(GoldenData.Plain, place);
        CheckAll(GoldenData.Plain, place);
    }

    private static Repository Open(string name, string place) => Repository.Open(place, GoldenData.PassphraseOf(name));

    private void BackUp(string name, string place)
    {
        using var repository = Open(name, place);
        File.WriteAllText(folder["new"], Guid.NewGuid().ToString());
        new FileBackup(repository, SilentSink.Instance).Run(new FileBackupOptions { Paths = [folder["new"]] }, new BackupOptions { Source = "new" });
    }

    private void CheckAll(string name, string place)
    {
        using var repository = Open(name, place);
        Assert.Equal(RepositoryDescription.CurrentFormat, repository.Description.Format);
        Assert.All(repository.Check(), f => Assert.Equal(FindingSeverity.Warning, f.Severity));
        foreach (var expected in OperatingSystem.IsLinux() ? GoldenData.ExpectedOf(name) : [])
        {
            var target = folder[$"{repository.Description.Id}-{expected.Id}"];
            repository.Restore(new SnapshotCatalog(repository).Find(expected.Id), target);
            Assert.Equal(expected.Lines, GoldenData.Describe(target, names: true));
        }
    }
}
