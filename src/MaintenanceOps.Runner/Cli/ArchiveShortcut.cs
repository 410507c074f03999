using System.Globalization;
using System.Runtime.CompilerServices;
using MaintenanceOps.Engine.Databases.Postgres.Wal;

namespace MaintenanceOps.Runner.Cli;

/// <summary>
/// Runs <c>mops wal-push FILE --repository PLACE</c>, the shape that Enable-WalArchive writes, without making a command line: a
/// server waits for each of its segments, and the parser takes a fifth of the time. Every other shape goes the long way.
/// </summary>
internal static class ArchiveShortcut
{
    public static bool TryRun(string[] args, out int exit)
    {
        var rest = args is [.., "--quiet"] ? args[..^1] : args;
        if (rest is ["wal-push", var file, "--repository", var place] && !file.StartsWith('-') && !place.StartsWith('-'))
        {
            exit = (int)Run(file, place);
            return true;
        }

        exit = 0;
        return false;
    }

    /// <summary>Archives a file, and what waits behind it.</summary>
    public static void Push(WalArchive archive, string file, IOperationSink sink, CancellationToken cancellation)
    {
        archive.Push(file, Environment.CurrentDirectory);
        try
        {
            archive.PushAhead(file, Environment.CurrentDirectory, cancellation);
        }
        catch (MaintenanceException e)
        {
            // The file that was asked for is archived. The others are handed over one by one, and then this is told again.
            sink.Warn(e.Message);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ExitCode Run(string file, string place)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        var report = new ErrorReport(json: false);
        try
        {
            var sink = new ConsoleSink(report, quiet: true, verbose: false);
            using var repository = new RepositoryAccess(sink).Open(place, null);
            Push(new WalArchive(repository), file, sink, CancellationToken.None);
            return ExitCode.Done;
        }
#pragma warning disable CA1031 // As on the long way: whatever it is, one line and a code.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return report.Write(e);
        }
    }
}
