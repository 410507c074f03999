using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Cli;

/// <summary>What a running command has at hand.</summary>
internal sealed class RunnerContext(ParseResult arguments, ResultWriter output, ErrorReport report, ConsoleSink sink, CancellationToken cancellation)
{
    public ResultWriter Output { get; } = output;

    public ConsoleSink Sink { get; } = sink;

    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Tells of a failure, for a command that has an exit code of its own for it.</summary>
    public void Report(Exception failure) => report.Write(failure);

    public T? Get<T>(Option<T> option) => arguments.GetValue(option);

    public T? Get<T>(Argument<T> argument) => arguments.GetValue(argument);

    /// <summary>Opens the repository of <c>--repository</c> or the environment.</summary>
    public Repository OpenRepository(bool initialize = false) =>
        new RepositoryAccess(Sink, Cancellation).Open(Get(SharedOptions.Repository), Get(SharedOptions.KeyFile), initialize);

    /// <summary>Opens the repository that is the command's first argument, or else as above.</summary>
    public Repository OpenRepositoryArgument() => new RepositoryAccess(Sink, Cancellation).Open(RepositoryLocation(), Get(SharedOptions.KeyFile));

    /// <summary>The repository that the first argument, <c>--repository</c> or the environment names.</summary>
    public string RepositoryLocation() => RepositoryAccess.LocationOf(Get(SharedOptions.RepositoryArgument) ?? Get(SharedOptions.Repository));

    /// <summary>The snapshot that the first argument and <c>--source</c> name.</summary>
    public Snapshot FindSnapshot(Repository repository) => new SnapshotCatalog(repository).Find(Get(SharedOptions.Snapshot)!, Latest(), Sink);

    /// <summary>Which snapshot 'latest' is, by --source and --verified.</summary>
    public LatestRule Latest() => new() { Source = Get(SharedOptions.Source), Verified = Get(SharedOptions.Verified) };

    /// <summary>Runs a command's work and turns whatever comes of it into an exit code.</summary>
    public static int Run(ParseResult arguments, Func<RunnerContext, ExitCode> work)
    {
        var json = arguments.GetValue(SharedOptions.Json);
        var quiet = arguments.GetValue(SharedOptions.Quiet);
        var report = new ErrorReport(json);
        var sink = new ConsoleSink(report, quiet || json, arguments.GetValue(SharedOptions.Verbose) && !json);
        using var interruption = new Interruption(() =>
        {
            sink.Clear();
            if (!json && !quiet)
            {
                Console.Error.WriteLine("mops: stopping; once more kills.");
            }
        });
        using var output = new ResultWriter(json, quiet, sink);
        try
        {
            var code = work(new RunnerContext(arguments, output, report, sink, interruption.Token));
            output.Flush();
            return (int)code;
        }
#pragma warning disable CA1031 // The last line of defence: whatever it is, one line and a code.
        catch (Exception e)
#pragma warning restore CA1031
        {
            output.TryFlush();
            sink.Clear();

            // What fails after Ctrl+C fails because of it.
            return (int)(interruption.Token.IsCancellationRequested ? report.Write(new OperationCanceledException()) : report.Write(e));
        }
    }
}
