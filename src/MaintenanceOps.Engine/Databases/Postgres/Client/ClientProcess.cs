using System.Diagnostics;
using System.IO.Pipes;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>A program that runs: its output as a stream, its complaints as text, and an end that is checked.</summary>
internal sealed partial class ClientProcess : IDisposable
{
    private const int MaxComplaints = 8 * 1024;

    /// <summary>A program that goes on after errors may complain about thousands of objects.</summary>
    private const int MaxAllComplaints = 64 * 1024 * 1024;
    private readonly Process process;
    private readonly StringBuilder complaints = new();
    private readonly CancellationTokenRegistration killer;
    private readonly string name;

    private ClientProcess(Process process, string name, CancellationToken cancellation)
    {
        this.process = process;
        this.name = name;
        process.ErrorDataReceived += (_, e) =>
        {
            lock (complaints)
            {
                if (e.Data is not null && complaints.Length < MaxAllComplaints)
                {
                    complaints.AppendLine(e.Data);
                }
            }
        };
        process.BeginErrorReadLine();
        Widen(process.StandardOutput.BaseStream);
        Widen(process.StandardInput.BaseStream);
        killer = cancellation.Register(Kill);
    }

    /// <summary>What the program writes.</summary>
    public Stream Output => process.StandardOutput.BaseStream;

    /// <summary>What the program reads.</summary>
    public Stream Input => process.StandardInput.BaseStream;

    /// <summary>The beginning of what it complained about so far, short enough for a message.</summary>
    public string Complaints => Progress().Replace(AllComplaints, "").Trim() is var all && all.Length > MaxComplaints ? all[..MaxComplaints] : all;

    /// <summary>All of it.</summary>
    public string AllComplaints
    {
        get
        {
            lock (complaints)
            {
                return complaints.ToString().Trim();
            }
        }
    }

    public static ClientProcess Start(IReadOnlyList<string> words, IReadOnlyDictionary<string, string> environment, CancellationToken cancellation, Encoding? encoding = null)
    {
        var start = new ProcessStartInfo(words[0], words.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardErrorEncoding = encoding,
        };
        ClientEnvironment.Clean(start.Environment, words[0]);
        foreach (var (variable, value) in environment)
        {
            start.Environment[variable] = value;
        }

        try
        {
            return new ClientProcess(Process.Start(start)!, Path.GetFileName(words[0]), cancellation);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new MaintenanceException(ErrorCode.ClientToolUnfit, $"'{words[0]}' cannot be started: {e.Message}", words[0], e);
        }
    }

    /// <summary>Waits for the end and throws unless it was a good one.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>.</exception>
    /// <exception cref="OperationCanceledException">It was killed because the work was cancelled.</exception>
    public void Finish(CancellationToken cancellation)
    {
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"{name} ended with {process.ExitCode}: {(Complaints.Length > 0 ? Complaints : "it said nothing.")}", name);
        }
    }

    /// <summary>Gives it all of its input. That it ends early is no failure here; its exit code and its words tell why.</summary>
    public void Feed(Action<Stream> write)
    {
        try
        {
            write(Input);
            Input.Close();
        }
        catch (IOException)
        {
            // The pipe is closed at its end.
        }
    }

    /// <summary>Waits for the end, whatever it is.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="OperationCanceledException">It was killed because the work was cancelled.</exception>
    public int Settle(CancellationToken cancellation)
    {
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        return process.ExitCode;
    }

    public void Dispose()
    {
        killer.Dispose();
        Kill();
        process.WaitForExit();
        process.Dispose();
    }

    /// <summary>A pipe of 64 KiB makes the kernel switch between both ends all the time; it can be a megabyte.</summary>
    private static void Widen(Stream pipe)
    {
        const int SetPipeSize = 1031;
        if (OperatingSystem.IsLinux() && pipe is PipeStream { SafePipeHandle: var handle })
        {
            // Where the system's limit is lower, the pipe stays as it is.
            _ = Control(handle, SetPipeSize, 1 << 20);
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(SafePipeHandle file, int command, int value);

    /// <summary>Where <c>pg_restore</c> is asked for details, it also tells what it does.</summary>
    [GeneratedRegex("^pg_restore: (?!error|warning|hint|detail|\\[).*\n?", RegexOptions.Multiline)]
    private static partial Regex Progress();

    private void Kill()
    {
        try
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
        catch (InvalidOperationException)
        {
            // It has ended by itself.
        }
    }
}
