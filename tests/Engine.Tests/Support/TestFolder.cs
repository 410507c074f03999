namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A folder of one test's own, removed with it.</summary>
public sealed class TestFolder : IDisposable
{
    public TestFolder() => Path = Directory.CreateTempSubdirectory("mops-test-").FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try
        {
            using (var folder = Engine.Files.TreeAccess.Current.OpenFolder(Path))
            {
                Engine.Files.FolderTree.Clear(folder);
            }

            Directory.Delete(Path);
        }
        catch (IOException)
        {
            // A child process that was killed may still be going.
        }
    }
}
