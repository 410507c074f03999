using System.Diagnostics;
using System.Globalization;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Looks whether a process runs, what it takes, and whether it was restarted since the last look.</summary>
public sealed class ProcessProbe : IProbe
{
    /// <summary>Above this share of its own limit a process will soon fail to open a file.</summary>
    private const double ManyFiles = 0.9;

    private static readonly TimeSpan CpuSample = TimeSpan.FromMilliseconds(250);

    private readonly string name;
    private readonly ProcessLimits limits;

    /// <param name="name">
    /// The program's name as <c>ps</c> and <c>Get-Process</c> show it, a script's (<c>app.py</c>), the beginning of a command line
    /// (<c>python3 app.py</c>), a title (<c>nginx: master process</c>), or a process id.
    /// </param>
    /// <param name="limits">What it may take.</param>
    public ProcessProbe(string name, ProcessLimits? limits = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        this.name = name;
        this.limits = limits ?? new ProcessLimits();
    }

    /// <inheritdoc/>
    public string Kind => "process";

    /// <inheritdoc/>
    public string Target => name;

    /// <inheritdoc/>
    public async Task<Observation> Observe(ProbeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var verdict = new Verdict();
        var processes = Living(Find());
        try
        {
            if (processes.Length == 0)
            {
                verdict.Unhealthy($"no process '{name}' runs");
                return verdict.End("");
            }

            var cpu = await Cpu(processes, context.Cancellation).ConfigureAwait(false);

            // Workers come and go; what has ended meanwhile does not count.
            processes = [.. processes.Where(p => !p.HasExited)];
            var memory = processes.Sum(p => p.WorkingSet64);
            var started = processes.Min(p => p.StartTime.ToUniversalTime());
            verdict.Fact("Count", processes.Length);
            verdict.Fact("Memory", memory);
            verdict.Fact("Cpu", Math.Round(cpu, 3));
            verdict.Fact("Started", new DateTimeOffset(started));
            Judge(processes.Length, memory, cpu, verdict);
            JudgeFiles(processes, verdict);
            JudgeRestart(started, context, verdict);
            return verdict.End($"{processes.Length} running, {ByteSize.Format(memory)}, {cpu:0 %} CPU", new DateTimeOffset(started).ToUnixTimeSeconds());
        }
        catch (InvalidOperationException)
        {
            verdict.Unhealthy($"'{name}' ended while it was looked at");
            return verdict.End("");
        }
        finally
        {
            Array.ForEach(processes, p => p.Dispose());
        }
    }

    /// <summary>The system lists also those that have ended and whose parent never asked.</summary>
    private static Process[] Living(Process[] processes)
    {
        var living = Array.FindAll(processes, p => !ProcessFiles.IsDead(p.Id));
        Array.ForEach([.. processes.Except(living)], p => p.Dispose());
        return living;
    }

    private Process[] Find()
    {
        if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return ProcessNames.Find(name);
        }

        try
        {
            return [Process.GetProcessById(id)];
        }
        catch (ArgumentException)
        {
            return [];
        }
    }

    /// <summary>In processors: 1 is one processor kept busy.</summary>
    private static async Task<double> Cpu(Process[] processes, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var before = processes.ToDictionary(p => p.Id, Used);
        await Task.Delay(CpuSample, cancellation).ConfigureAwait(false);
        var elapsed = clock.Elapsed.TotalSeconds;
        Array.ForEach(processes, p => p.Refresh());
        return processes.Sum(p => Math.Max(0, (Used(p) - before[p.Id]) ?? 0)) / elapsed;
    }

    /// <summary>Seconds of processor time; null where it has ended.</summary>
    private static double? Used(Process process)
    {
        try
        {
            return process.TotalProcessorTime.TotalSeconds;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private void Judge(int count, long memory, double cpu, Verdict verdict)
    {
        if (count < limits.MinCount)
        {
            verdict.Unhealthy($"{count} run, and {limits.MinCount} should");
        }

        if (memory > limits.MaxMemory)
        {
            verdict.Degraded($"it takes {ByteSize.Format(memory)} of memory, more than {ByteSize.Format(limits.MaxMemory.Value)}");
        }

        if (cpu > limits.MaxCpu)
        {
            verdict.Degraded(string.Create(CultureInfo.InvariantCulture, $"it keeps {cpu:0.00} processors busy, more than {limits.MaxCpu:0.##}"));
        }
    }

    private void JudgeFiles(Process[] processes, Verdict verdict)
    {
        var counted = processes.Select(p => (Open: ProcessFiles.Open(p.Id), Limit: ProcessFiles.Limit(p.Id))).Where(f => f.Open is not null).ToArray();
        if (counted.Length < processes.Length && limits.MaxOpenFiles is not null)
        {
            verdict.Unknown("this user cannot see how many files it has open");
        }

        if (counted.Length == 0)
        {
            return;
        }

        verdict.Fact("OpenFiles", counted.Sum(f => f.Open!.Value));
        if (counted.Sum(f => f.Open!.Value) is var open && open > limits.MaxOpenFiles)
        {
            verdict.Degraded($"it has {open:N0} files open, more than {limits.MaxOpenFiles:N0}");
        }

        if (Array.Find(counted, f => f.Limit > 0 && f.Open > f.Limit * ManyFiles) is { Open: { } files, Limit: { } limit })
        {
            verdict.Degraded($"it has {files:N0} files open, and its limit is {limit:N0}");
        }
    }

    private static void JudgeRestart(DateTime started, ProbeContext context, Verdict verdict)
    {
        // The clock that start times are computed by wanders by a second or two.
        if (context.Last() is { } last && new DateTimeOffset(started).ToUnixTimeSeconds() > last.Value + 2)
        {
            verdict.Degraded($"it was restarted at {started:u}, after the last look");
        }
    }
}
