using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// An open folder, and all that a restore does to what is directly in it. Names are single names in
/// <see cref="PathCodec"/>'s form, never paths, and no method follows a link: whoever renames the folder, or puts a link in its
/// place, changes nothing about where the work goes.
/// </summary>
internal abstract class FolderHandle(string path) : IDisposable
{
    /// <summary>Where the folder was when it was opened, for messages.</summary>
    public string Path { get; } = path;

    /// <summary>What the folder itself is.</summary>
    public abstract PlaceFacts Self { get; }

    /// <summary>What stands at a name; null where there is nothing.</summary>
    public abstract PlaceFacts? Look(string name);

    /// <summary>The names in the folder, in no particular order.</summary>
    public abstract IReadOnlyList<string> Names();

    public abstract string ReadLink(string name);

    /// <summary>Opens a folder in this one.</summary>
    /// <exception cref="IOException">It is no folder, a link to one included.</exception>
    public abstract FolderHandle OpenFolder(string name);

    /// <summary>Opens this folder once more.</summary>
    public abstract FolderHandle Reopen();

    /// <summary>Opens a file for reading.</summary>
    public abstract SafeFileHandle OpenRead(string name);

    /// <summary>Opens a file for more writing.</summary>
    public abstract SafeFileHandle OpenWrite(string name);

    /// <summary>Creates a file that does not exist, open to its owner alone.</summary>
    public abstract SafeFileHandle CreateFile(string name);

    /// <summary>Makes a folder that does not exist.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="mode">Its permissions, less what the process's mask takes away.</param>
    public abstract void CreateFolder(string name, int mode = 0x1c0);

    public abstract void CreateLink(string name, string target);

    /// <summary>Gives a file in this folder another name in another one.</summary>
    public abstract void CreateHardLink(string name, FolderHandle to, string newName);

    /// <summary>Makes a named pipe, a socket or a device.</summary>
    public abstract void CreateSpecial(string name, FileEntry entry);

    /// <summary>Moves an entry to a name where nothing stands.</summary>
    /// <exception cref="IOException">Something stands there, or it is on another volume.</exception>
    public abstract void Rename(string name, FolderHandle to, string newName);

    /// <summary>Lets two entries change places in one step; false where the file system cannot.</summary>
    public abstract bool TryExchange(string name, FolderHandle to, string newName);

    /// <summary>Removes what is no folder.</summary>
    public abstract void Remove(string name);

    /// <summary>Removes an empty folder.</summary>
    public abstract void RemoveFolder(string name);

    /// <summary>Gives an open file owner, permissions, attributes and times.</summary>
    public abstract void Apply(SafeFileHandle file, FileEntry entry, AttributeProblems problems);

    /// <summary>Gives a link, pipe, socket or device what <see cref="Apply(SafeFileHandle, FileEntry, AttributeProblems)"/> gives a file.</summary>
    public abstract void Apply(string name, FileEntry entry, AttributeProblems problems);

    /// <summary>Gives the folder itself owner, permissions, attributes and times.</summary>
    public abstract void ApplySelf(FileEntry entry, AttributeProblems problems);

    /// <summary>
    /// Gives an entry that others may have put there owner, permissions and times. A file with further names is left alone: they
    /// may be somebody else's.
    /// </summary>
    public abstract void ApplyExisting(string name, FileEntry entry, AttributeProblems problems);

    /// <summary>Closes the folder to all but its owner, whatever it inherited from the one above, as far as the file system can.</summary>
    public abstract void MakePrivate();

    /// <summary>Makes the names in the folder durable.</summary>
    public abstract void Sync();

    /// <summary>Waits until all that was written to the folder's volume is on the disk.</summary>
    public abstract void SyncVolume();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
