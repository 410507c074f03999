using MaintenanceOps.Engine.Programs;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Runs a program: its exit code says how it stands, and its output may be looked at.</summary>
public sealed class CommandProbe : IProbe
{
    private readonly ProgramLine program;
    private readonly IReadOnlyList<int> healthyCodes;
    private readonly IReadOnlyList<int> degradedCodes;
    private readonly Expectation? output;

    /// <param name="program">What is run. It is ended with all that it started when its time is over.</param>
    /// <param name="healthyCodes">The exit codes that are well; 0 where it is null.</param>
    /// <param name="degradedCodes">The exit codes that mean degraded; none where it is null.</param>
    /// <param name="output">What its output should be; most often <c>~ pattern</c>.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public CommandProbe(ProgramLine program, IReadOnlyList<int>? healthyCodes = null, IReadOnlyList<int>? degradedCodes = null, string? output = null)
    {
        this.program = program;
        this.healthyCodes = healthyCodes ?? [0];
        this.degradedCodes = degradedCodes ?? [];
        this.output = output is null ? null : Expectation.Parse(output);
    }

    /// <inheritdoc/>
    public string Kind => "command";

    /// <inheritdoc/>
    public string Target => program.ToString();

    /// <inheritdoc/>
    public TimeSpan UsualTimeout => TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public async Task<Observation> Observe(ProbeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var run = await ProgramRun.Run(program, null, context.Cancellation).ConfigureAwait(false);
        var verdict = new Verdict();
        verdict.Fact("ExitCode", run.ExitCode);
        verdict.Fact("Output", Expectation.Shorten(run.Output.Trim(), 500));
        var words = Expectation.Shorten(run.LastWords, 120);
        if (degradedCodes.Contains(run.ExitCode))
        {
            verdict.Degraded($"exit code {run.ExitCode}: {words}");
        }
        else if (!healthyCodes.Contains(run.ExitCode))
        {
            verdict.Unhealthy($"exit code {run.ExitCode}{(words.Length > 0 ? $": {words}" : "")}");
        }

        if (output?.Complaint("the output", run.Output.Trim()) is { } complaint)
        {
            verdict.Unhealthy(complaint);
        }

        return verdict.End(words.Length > 0 ? words : $"exit code {run.ExitCode}");
    }
}
