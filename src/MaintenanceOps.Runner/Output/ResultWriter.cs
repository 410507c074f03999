using System.Diagnostics;
using System.Text;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Output;

/// <summary>Writes results to the output stream: JSON lines or text.</summary>
internal sealed class ResultWriter(bool json, bool quiet, ConsoleSink sink) : IDisposable
{
    private const long FlushAfter = 100;
    private readonly StreamWriter writer = new(Console.OpenStandardOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = false };
    private readonly Stopwatch sinceFlush = Stopwatch.StartNew();

    public bool IsJson => json;

    /// <summary>What was asked for: a listing, a test's result. Text comes at the end of the command as a whole table.</summary>
    public void Record<T>(T record)
    {
        if (json)
        {
            WriteLine(JsonLines.Write(record));
        }
    }

    /// <summary>A whole listing.</summary>
    public void Table<T>(IEnumerable<T> records, TextTable<T> table)
    {
        if (json)
        {
            foreach (var record in records)
            {
                Record(record);
            }

            return;
        }

        foreach (var line in table.Lines([.. records], Width))
        {
            WriteLine(line);
        }
    }

    /// <summary>What an act did: an object for programs; for people a few lines, unless they want quiet.</summary>
    public void Outcome<T>(T record, params string[] lines)
    {
        if (json)
        {
            Record(record);
        }
        else if (!quiet)
        {
            Text(lines);
        }
    }

    /// <summary>Text for people only.</summary>
    public void Text(params string[] lines)
    {
        foreach (var line in json ? [] : lines)
        {
            WriteLine(TextTable.Clean(line));
        }
    }

    /// <summary>Text as it is, such as a script.</summary>
    public void Raw(string text)
    {
        sink.Clear();
        writer.Write(text);
    }

    public void Flush()
    {
        writer.Flush();
        sinkCleared = false;
        sinceFlush.Restart();
    }

    /// <summary>Writes what there is; a broken output is no news while another failure is told.</summary>
    public void TryFlush()
    {
        try
        {
            Flush();
        }
        catch (IOException)
        {
        }
    }

    public void Dispose()
    {
        try
        {
            writer.Dispose();
        }
        catch (IOException)
        {
            // Flush told of it already.
        }
    }

    private bool sinkCleared;

    private static int Width => Console.IsOutputRedirected ? int.MaxValue : Math.Max(60, Console.WindowWidth);

    private void WriteLine(string line)
    {
        if (!sinkCleared)
        {
            sink.Clear();
            sinkCleared = true;
        }

        writer.Write(line);
        writer.Write('\n');

        // A reader down a pipe sees slow results at once, and fast ones do not cost a system call each.
        if (sinceFlush.ElapsedMilliseconds > FlushAfter)
        {
            Flush();
        }
    }
}
