using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>A staged tree that comes into place as a whole, where there is no folder yet.</summary>
/// <param name="area">Where it is staged.</param>
/// <param name="home">The folder that it comes into.</param>
/// <param name="name">The name that it gets.</param>
internal sealed class WholeTree(StagingArea area, FolderHandle home, string name)
{
    private bool exchanged;

    /// <summary>Brings it into place and makes that durable.</summary>
    /// <param name="replace">Whether a file or link that stands there moves out of the way.</param>
    /// <exception cref="IOException">It failed; what was there is there again.</exception>
    public void Bring(bool replace)
    {
        try
        {
            Move(replace);
        }
        catch (IOException e) when (e.HResult is LinuxCalls.Busy or LinuxCalls.OtherVolume)
        {
            throw TreeSwap.MountInTheWay(TreeAccess.Join(home.Path, name), e);
        }

        try
        {
            home.Sync();
        }
        catch
        {
            MoveBack(replace);
            throw;
        }
    }

    private void Move(bool replace)
    {
        exchanged = replace && area.Folder.TryExchange(StagingArea.NewName, home, name);
        if (exchanged)
        {
            return;
        }

        if (replace)
        {
            home.Rename(name, area.Old, name);
        }

        try
        {
            area.Folder.Rename(StagingArea.NewName, home, name);
        }
        catch when (replace)
        {
            area.Old.Rename(name, home, name);
            throw;
        }
    }

    private void MoveBack(bool replace)
    {
        if (exchanged)
        {
            area.Folder.TryExchange(StagingArea.NewName, home, name);
            return;
        }

        home.Rename(name, area.Folder, StagingArea.NewName);
        if (replace)
        {
            area.Old.Rename(name, home, name);
        }
    }
}
