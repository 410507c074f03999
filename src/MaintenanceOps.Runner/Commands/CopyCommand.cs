using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class CopyCommand : RunnerCommand
{
    private static readonly Option<string> Destination = new("--destination", "-d") { Description = "The repository to copy into.", HelpName = "location", Required = true };
    private static readonly Option<string> DestinationKeyFile = new("--destination-key-file") { Description = "A file with the passphrase of that repository, where it is another one; a new one gets the source's otherwise.", HelpName = "path" };

    public CopyCommand()
        : base(
            "copy",
            "Copy snapshots into another repository. What is there already is not copied again.",
            "mops copy latest --source notes/main --destination /mnt/offsite/notes",
            "mops copy --all --destination s3://backups/notes --initialize") =>
        Use(SnapshotSelection.Id, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.SourcePatterns, SharedOptions.Tags, SnapshotSelection.All, Destination, DestinationKeyFile, SharedOptions.Initialize);

    protected override ExitCode Execute(RunnerContext context)
    {
        SnapshotSelection.Check(context);
        using var from = context.OpenRepository();
        var snapshots = SnapshotSelection.Of(context, from);
        using var to = OpenDestination(context);
        if (to.Location == from.Location)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"{to.Location} is where the snapshots are. Name another repository.", to.Location);
        }

        foreach (var snapshot in snapshots)
        {
            var copy = new SnapshotCopy(from, to, context.Sink).Run(snapshot, context.Cancellation);
            context.Output.Outcome(copy, $"Copied {snapshot.ShortId} of {copy.Source} to {copy.Repository} as {copy.ShortId}: {ByteSize.Format(copy.Size)}, stored {ByteSize.Format(copy.StoredSize)}, in {Tables.Elapsed(copy.Elapsed)}.");
        }

        return ExitCode.Done;
    }

    /// <summary>Another repository's passphrase is not this one's: what opens the source is tried only where nothing else was said.</summary>
    private static Repository OpenDestination(RunnerContext context)
    {
        var access = new RepositoryAccess(context.Sink, context.Cancellation);
        var (location, initialize) = (context.Get(Destination), context.Get(SharedOptions.Initialize));
        var own = context.Get(DestinationKeyFile);
        try
        {
            return access.Open(location, own, initialize && own is not null);
        }
        catch (MaintenanceException e) when (own is null && e.Code is ErrorCode.PassphraseRequired or ErrorCode.RepositoryNotFound)
        {
            return access.Open(location, context.Get(SharedOptions.KeyFile), initialize);
        }
    }
}
