using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoInfoCommand : RunnerCommand
{
    public RepoInfoCommand()
        : base("info", "Describe a repository: sizes, sources, passphrases.", "mops repo info /mnt/backup/notes", "mops repo info --json | jq .storedSize") =>
        Use(SharedOptions.RepositoryArgument, SharedOptions.Repository, SharedOptions.KeyFile);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepositoryArgument();
        var info = new RepositoryAdministration(repository).Describe();
        context.Output.Record(info);
        context.Output.Text([.. Lines(info)]);
        return ExitCode.Done;
    }

    private static IEnumerable<string> Lines(SnapshotRepository info)
    {
        yield return $"Repository  {info.Repository}";
        yield return $"Id          {info.Id}";
        yield return $"Created     {Tables.Time(info.Created)} UTC, format {info.Format}";
        yield return $"Encrypted   {(info.Encrypted ? "yes" : "no")}";
        yield return $"Snapshots   {info.SnapshotCount:N0}{(info.Newest is { } newest ? $", the newest from {Tables.Time(newest)} UTC" : "")}";
        yield return $"Content     {ByteSize.Format(info.ContentSize)} in all snapshots";
        yield return $"Stored      {ByteSize.Format(info.StoredSize)} in {info.PackCount:N0} packs ({Tables.Share(info.StoredSize, info.ContentSize)})";
        for (var i = 0; i < info.Sources.Count; i++)
        {
            yield return $"{(i == 0 ? "Sources" : ""),-10}  {info.Sources[i]}";
        }

        for (var i = 0; i < info.Keys.Count; i++)
        {
            var key = info.Keys[i];
            yield return $"{(i == 0 ? "Keys" : ""),-10}  {key.Id}  {Tables.Time(key.Created)}  {key.Derivation}  {key.Label}".TrimEnd();
        }
    }
}
