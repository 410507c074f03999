using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>Folders that a restore makes on the way to its destination; they go again where it fails.</summary>
/// <param name="top">The folder that they are made in; it is not closed.</param>
internal sealed class MadeFolders(FolderHandle top) : IDisposable
{
    private const int AllLessMask = 0x1ff;
    private readonly Stack<(FolderHandle Parent, string Name, FolderHandle Made)> made = new();
    private bool kept;

    /// <summary>Makes one folder in the other, and returns the innermost.</summary>
    public FolderHandle Make(IEnumerable<string> names)
    {
        var at = top;
        foreach (var name in names)
        {
            at.CreateFolder(name, AllLessMask);
            var inner = at.OpenFolder(name);
            made.Push((at, name, inner));
            at.Sync();
            at = inner;
        }

        return at;
    }

    /// <summary>Leaves them: the restore succeeded.</summary>
    public void Keep() => kept = true;

    public void Dispose()
    {
        while (made.TryPop(out var folder))
        {
            folder.Made.Dispose();
            try
            {
                if (!kept)
                {
                    folder.Parent.RemoveFolder(folder.Name);
                }
            }
            catch (Exception e) when (IoErrors.IsKnown(e))
            {
                // Somebody put something into it meanwhile.
            }
        }
    }
}
