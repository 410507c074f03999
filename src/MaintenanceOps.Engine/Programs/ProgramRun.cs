using System.Diagnostics;

namespace MaintenanceOps.Engine.Programs;

/// <summary>A program of the user's that runs for a bounded time: its end, and the beginning of what it said.</summary>
internal sealed record ProgramRun(int ExitCode, string Output, string Errors)
{
    /// <summary>A grandchild that was left behind may hold the pipes for ever; what it would say is not waited for longer.</summary>
    private static readonly TimeSpan PatienceWithPipes = TimeSpan.FromSeconds(1);

    /// <summary>Runs a program to its end.</summary>
    /// <param name="program">A program with its words.</param>
    /// <param name="environment">What its environment has besides ours.</param>
    /// <param name="cancellation">Ends it, and all that it has started.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/>: it cannot be started.</exception>
    /// <exception cref="OperationCanceledException">It was ended by the token.</exception>
    public static async Task<ProgramRun> Run(ProgramLine program, IReadOnlyDictionary<string, string>? environment, CancellationToken cancellation)
    {
        var family = new ProgramFamily();
        using var process = Start(program, environment ?? new Dictionary<string, string>(), family);
        await using var killer = cancellation.Register(() => family.Kill(process)).ConfigureAwait(false);
        process.StandardInput.Close();
        var output = new SaidByProgram(process.StandardOutput);
        var errors = new SaidByProgram(process.StandardError);
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        await Task.WhenAny(Task.WhenAll(output.End, errors.End), Task.Delay(PatienceWithPipes, CancellationToken.None)).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return new ProgramRun(process.ExitCode, output.ToString(), errors.ToString());
    }

    /// <summary>The last line that it wrote, for a reason: complaints before results.</summary>
    public string LastWords => (Errors.Trim() is { Length: > 0 } errors ? errors : Output.Trim()).Split('\n')[^1].Trim();

    private static Process Start(ProgramLine program, IReadOnlyDictionary<string, string> environment, ProgramFamily family)
    {
        var (file, arguments) = program.Words();
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        family.Mark(start);
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new MaintenanceException(ErrorCode.PathNotFound, $"'{file}' cannot be started: {e.Message}", file, e);
        }
    }
}
