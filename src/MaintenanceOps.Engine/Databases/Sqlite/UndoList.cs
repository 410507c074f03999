using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// What takes back the steps that were done, the last one first. A step that fails does not end the undo: all others
/// still run, and what failed is told together.
/// </summary>
internal sealed class UndoList
{
    private readonly Stack<(string What, Action Undo)> steps = new();

    /// <summary>Adds the undo of a step that comes next: a step can fail and have happened.</summary>
    /// <param name="what">What the undo does, as in <c>put 'app.db' back</c>.</param>
    /// <param name="undo">The undo; it must do no harm where its step did not happen.</param>
    public void Add(string what, Action undo) => steps.Push((what, undo));

    /// <summary>Runs all of them.</summary>
    /// <returns>What could not be undone, and why; empty where all was.</returns>
    public IReadOnlyList<string> Run()
    {
        var failures = new List<string>();
        while (steps.TryPop(out var step))
        {
            try
            {
                step.Undo();
            }
            catch (Exception e) when (IoErrors.IsKnown(e))
            {
                failures.Add($"could not {step.What}: {e.Message}");
            }
        }

        return failures;
    }
}
