using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

/// <summary>One snapshot by its id, or several by source, tag or simply all of them: for commands that take either.</summary>
internal static class SnapshotSelection
{
    public static readonly Argument<string> Id = new("snapshot") { HelpName = "snapshot", Description = "A snapshot's id, the beginning of one, or 'latest'.", Arity = ArgumentArity.ZeroOrOne };
    public static readonly Option<bool> All = new("--all") { Description = "All snapshots, instead of one." };

    static SnapshotSelection() => Id.CompletionSources.Add(SharedOptions.Snapshot.GetCompletions);

    /// <summary>Refuses what contradicts itself, before a repository is opened for it.</summary>
    public static void Check(RunnerContext context)
    {
        var several = context.Get(All) || context.Get(SharedOptions.Tags)!.Length > 0;
        var sources = context.Get(SharedOptions.SourcePatterns)!.Length;
        if (context.Get(Id) is null && !several && sources == 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Say which snapshot: its id, 'latest', --source, --tag or --all.");
        }

        if (context.Get(Id) is not null && (several || sources > 1))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Give a snapshot's id, or what selects several; not both.");
        }
    }

    public static IReadOnlyList<Snapshot> Of(RunnerContext context, Repository repository)
    {
        var sources = context.Get(SharedOptions.SourcePatterns)!;
        if (context.Get(Id) is { } id)
        {
            return [new SnapshotCatalog(repository).Find(id, new LatestRule { Source = sources.FirstOrDefault(), EvenFailed = true })];
        }

        var filter = new SnapshotFilter { Sources = sources, Tags = context.Get(SharedOptions.Tags)! };
        var snapshots = new SnapshotCatalog(repository).List(filter, context.Sink, unreadableToo: true);
        return snapshots.Count > 0
            ? snapshots
            : throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{repository.Location} has no snapshot that fits.", repository.Location);
    }
}
