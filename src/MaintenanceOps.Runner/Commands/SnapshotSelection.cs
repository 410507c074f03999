using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

/// <summary>One snapshot by its id, or several by source, tag or simply all of them: for commands that take either.</summary>
internal static class SnapshotSelection
{
    public static readonly Argument<string> Id = new("snapshot") { Description = "A snapshot's id, the beginning of one, or 'latest'.", Arity = ArgumentArity.ZeroOrOne };
    public static readonly Option<bool> All = new("--all") { Description = "All snapshots, instead of one." };

    static SnapshotSelection() => Id.CompletionSources.Add(SharedOptions.Snapshot.GetCompletions);

    public static IReadOnlyList<Snapshot> Of(RunnerContext context, Repository repository)
    {
        var id = context.Get(Id);
        var sources = context.Get(SharedOptions.SourcePatterns)!;
        var tags = context.Get(SharedOptions.Tags)!;
        var all = context.Get(All);
        if (id is not null)
        {
            if (all || tags.Length > 0 || sources.Length > 1)
            {
                throw new MaintenanceException(ErrorCode.InvalidArgument, "Give a snapshot's id, or what selects several; not both.");
            }

            return [new SnapshotCatalog(repository).Find(id, sources.FirstOrDefault())];
        }

        if (!all && tags.Length == 0 && sources.Length == 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Say which snapshot: its id, 'latest', --source, --tag or --all.");
        }

        var snapshots = new SnapshotCatalog(repository).List(new SnapshotFilter { Sources = sources, Tags = tags }, context.Sink);
        return snapshots.Count > 0
            ? snapshots
            : throw new MaintenanceException(ErrorCode.SnapshotNotFound, $"{repository.Location} has no snapshot that fits.", repository.Location);
    }
}
