using System.Diagnostics;
using MaintenanceOps.Engine;

namespace MaintenanceOps.Runner.Cli;

/// <summary>
/// Shows what the engine does: one live line on a terminal, a plain line now and then elsewhere, nothing where it would
/// disturb. All of it goes to the error stream, so that the output stays what was asked for.
/// </summary>
internal sealed class ConsoleSink(ErrorReport report, bool quiet, bool verbose) : IOperationSink
{
    private const long LiveInterval = 200;
    private const long PlainInterval = 5000;

    private readonly Lock gate = new();
    private readonly bool live = !quiet && !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private long next = quiet ? long.MaxValue : Console.IsErrorRedirected ? PlainInterval : LiveInterval;
    private readonly HashSet<string> warned = [];
    private int shown;

    public void Progress(string activity, long done, long total, string? unit = null)
    {
        // Called from every worker for every block: most calls end here.
        var now = clock.ElapsedMilliseconds;
        if (now < Volatile.Read(ref next) || !gate.TryEnter())
        {
            return;
        }

        try
        {
            Volatile.Write(ref next, now + (live ? LiveInterval : PlainInterval));
            var line = Line(activity, done, total, unit);
            if (live)
            {
                var width = Math.Max(20, Console.WindowWidth - 1);
                line = line.Length > width ? line[..width] : line;
                Console.Error.Write("\r" + line.PadRight(Math.Min(shown, width)));
                shown = line.Length;
            }
            else
            {
                Console.Error.WriteLine(line);
            }
        }
        finally
        {
            gate.Exit();
        }
    }

    public void Warn(string message)
    {
        lock (gate)
        {
            // A result repeats what was warned of while it came about.
            if (warned.Add(message))
            {
                ClearLine();
                report.Warn(message);
            }
        }
    }

    public void Inform(string message)
    {
        if (!verbose)
        {
            return;
        }

        lock (gate)
        {
            ClearLine();
            Console.Error.WriteLine(Output.TextTable.Clean(Words.ForConsole(message)));
        }
    }

    /// <summary>Takes the live line away before anything else is written.</summary>
    public void Clear()
    {
        lock (gate)
        {
            ClearLine();
        }
    }

    private void ClearLine()
    {
        if (shown > 0)
        {
            Console.Error.Write($"\r{new string(' ', shown)}\r");
            shown = 0;
        }
    }

    private static string Line(string activity, long done, long total, string? unit)
    {
        string Show(long value) => unit is null ? ByteSize.Format(value) : $"{value:N0}";
        var amount = total > 0 ? $"{Show(done)} of {Show(total)}" : Show(done);
        var share = total > 0 ? $" ({100.0 * done / total:0} %)" : "";
        return Output.TextTable.Clean($"{activity}: {amount}{(unit is null ? "" : $" {unit}")}{share}");
    }
}
