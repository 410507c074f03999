using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>Carries out a restore of files: stages, brings into place, and gives the folders what they are to have.</summary>
internal sealed class TreeWork(Repository repository, IOperationSink sink, RestorePlan plan)
{
    private readonly AttributeProblems problems = new();

    /// <summary>What could not be restored as it was.</summary>
    public IReadOnlyList<string> Warnings => problems.Tell();

    /// <summary>What could not be made at all.</summary>
    public IReadOnlyList<UnrestoredObject> Unrestored { get; private set; } = [];

    public void Run(CancellationToken cancellation)
    {
        if (plan.Survey is { } survey)
        {
            BringInto(survey, cancellation);
        }
        else
        {
            BringWhole(cancellation);
        }
    }

    /// <summary>Into a folder that exists.</summary>
    private void BringInto(DestinationSurvey survey, CancellationToken cancellation)
    {
        using var areas = new StagingAreas();
        areas.Add(StagingArea.Create("", plan.Place.Folder.Reopen()));
        foreach (var below in survey.Rooms.Keys.Where(k => k.Length > 0))
        {
            using var folder = plan.Tree.Open(below);
            areas.Add(StagingArea.Create(below, folder.Folder.Reopen()));
        }

        var stage = Stage(areas, cancellation);
        RequireSame(plan.Destination, plan.Place.Folder);
        var paths = plan.Selection.Entries.Where(e => e.Path.Length > 0 && !stage.Unmade.ContainsKey(e.Path)).Select(e => (e.Path, e.Kind == EntryKind.Folder));
        new TreeSwap(areas, plan.Tree, survey, stage.Databases).Run(paths, cancellation);
        ApplyFolders(plan.Tree, withRoot: true);
    }

    /// <summary>To a place where no folder is: it comes with all that is in it, in one step.</summary>
    private void BringWhole(CancellationToken cancellation)
    {
        using var made = new MadeFolders(plan.Place.Folder);
        var home = made.Make(plan.Place.Rest.SkipLast(1));
        using var areas = new StagingAreas();
        areas.Add(StagingArea.Create("", home.Reopen()));
        var area = areas.All[0];
        Stage(areas, cancellation);
        ApplyFolders(area.Brought, withRoot: false);

        RequireSame(Path.GetDirectoryName(plan.Destination)!, home);
        var arrival = new WholeTree(area, home, plan.Place.Rest[^1]);
        arrival.Bring(replace: plan.Conflicts.Count > 0);
        made.Keep();
        if (plan.Selection.Entries.FirstOrDefault(e => e.Path.Length == 0) is { } root)
        {
            ApplyFolder(area.Brought, root);
        }
    }

    private TreeStage Stage(StagingAreas areas, CancellationToken cancellation)
    {
        var stage = new TreeStage(repository, sink, plan.Selection, areas, problems);
        stage.Write(plan.Snapshot, cancellation);
        new StrayLogs(plan, areas, stage).LeaveOut();
        if (stage.Unmade.Count > 0 && plan.Options.Strict)
        {
            var first = stage.Unmade.Values.First();
            throw new MaintenanceException(
                ErrorCode.RestoreIncomplete,
                $"{stage.Unmade.Count} of the entries cannot be restored here, such as '{first.Name}': {first.Error} Nothing was changed, for -Strict asks for all or nothing.",
                plan.Destination);
        }

        Unrestored = [.. stage.Unmade.Values];
        return stage;
    }

    /// <summary>A disk that went away meanwhile leaves an empty folder, or another disk, at its place.</summary>
    private void RequireSame(string path, FolderHandle folder)
    {
        if (!DestinationPath.StillLeadsTo(path, folder))
        {
            throw new MaintenanceException(
                ErrorCode.InputOutput,
                $"'{path}' is another folder now than when the restore began: it was moved, replaced or unmounted. Nothing was changed.",
                plan.Destination);
        }
    }

    /// <summary>Folders get their permissions and times when all is in them; the innermost first.</summary>
    private void ApplyFolders(FolderTree tree, bool withRoot)
    {
        foreach (var entry in plan.Selection.Entries.Where(e => e.Kind == EntryKind.Folder && (withRoot || e.Path.Length > 0) && !plan.Standing.Contains(e.Path)).Reverse())
        {
            ApplyFolder(tree, entry);
        }
    }

    private void ApplyFolder(FolderTree tree, FileEntry entry)
    {
        try
        {
            using var folder = tree.Open(entry.Path);
            folder.Folder.ApplySelf(entry, problems);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            problems.Add("permissions", entry.Path, e.Message);
        }
    }
}
