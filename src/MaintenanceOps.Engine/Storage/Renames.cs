namespace MaintenanceOps.Engine.Storage;

/// <summary>Renames that belong together: where a later one fails, those before it are taken back.</summary>
internal sealed class Renames(DurableFiles files)
{
    private readonly Stack<(string From, string To)> done = new();

    public void Do(string from, string to)
    {
        files.Rename(from, to, overwrite: false);
        done.Push((from, to));
    }

    /// <summary>Takes back what was done, the last one first.</summary>
    public void Undo()
    {
        while (done.TryPop(out var rename))
        {
            files.Rename(rename.To, rename.From, overwrite: false);
        }
    }
}
