using System.Diagnostics;
using System.Text;

namespace MaintenanceOps.Engine.Programs;

/// <summary>A program of the user's that runs for a bounded time: its end, and the beginning of what it said.</summary>
internal sealed record ProgramRun(int ExitCode, string Output, string Errors)
{
    private const int MostOutput = 64 * 1024;

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
        var output = Read(process.StandardOutput);
        var errors = Read(process.StandardError);
        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        var said = Task.WhenAll(output, errors);
        await Task.WhenAny(said, Task.Delay(PatienceWithPipes, CancellationToken.None)).ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
        return said.IsCompletedSuccessfully
            ? new ProgramRun(process.ExitCode, output.Result, errors.Result)
            : new ProgramRun(process.ExitCode, output.IsCompletedSuccessfully ? output.Result : "", errors.IsCompletedSuccessfully ? errors.Result : "");
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

    /// <summary>Reads to the end, so that the program is never held up, and keeps the beginning.</summary>
    private static async Task<string> Read(StreamReader reader)
    {
        var text = new StringBuilder();
        var buffer = new char[4096];
        while (await reader.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var read)
        {
            text.Append(buffer, 0, Math.Min(read, MostOutput - text.Length));
        }

        return text.ToString();
    }
}
