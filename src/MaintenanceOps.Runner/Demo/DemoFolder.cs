namespace MaintenanceOps.Runner.Demo;

/// <summary>Where the demo happens: a temporary folder that goes at the end, or one that was asked for and stays.</summary>
internal sealed class DemoFolder : IDisposable
{
    private DemoFolder(string path, bool isKept)
    {
        Path = path;
        IsKept = isKept;
    }

    public string Path { get; }

    public bool IsKept { get; }

    public static DemoFolder Create(string? keep)
    {
        if (keep is null)
        {
            return new DemoFolder(Directory.CreateTempSubdirectory("mops-demo-").FullName, isKept: false);
        }

        var path = System.IO.Path.GetFullPath(keep);
        if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{path}' is not empty. Name a folder that is new or empty.", path);
        }

        Directory.CreateDirectory(path);
        return new DemoFolder(path, isKept: true);
    }

    public void Dispose()
    {
        if (!IsKept)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
