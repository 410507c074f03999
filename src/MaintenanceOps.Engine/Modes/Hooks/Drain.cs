using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Programs;

namespace MaintenanceOps.Engine.Modes.Hooks;

/// <summary>Waits until few enough requests or connections are left: who was inside when the door closed may finish.</summary>
public sealed class Drain
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan OneLook = TimeSpan.FromSeconds(5);
    private const int MostBytes = 64 * 1024;

    private readonly Uri? address;
    private readonly ProgramLine? program;
    private readonly Regex pattern;
    private readonly double below;
    private readonly TimeSpan limit;

    private Drain(Uri? address, ProgramLine? program, string? pattern, double below, TimeSpan limit)
    {
        this.address = address;
        this.program = program;
        this.pattern = Expectation.Pattern(pattern ?? @"\d+");
        this.below = below;
        this.limit = limit;
    }

    /// <summary>Counts by a web address, such as nginx's <c>stub_status</c>.</summary>
    /// <param name="address">Where the number stands.</param>
    /// <param name="pattern">A regular expression whose first group, or else all of it, is the number; the first number where it is null.</param>
    /// <param name="below">Quiet enough below this.</param>
    /// <param name="limit">How long to wait at most.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static Drain ByAddress(Uri address, string? pattern, double below, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(address);
        new HttpQuestion { Uri = address }.Check();
        return new Drain(address, null, pattern, below, limit);
    }

    /// <summary>Counts by a program that prints the number.</summary>
    public static Drain ByProgram(ProgramLine program, string? pattern, double below, TimeSpan limit) => new(null, program, pattern, below, limit);

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.NotHealthy"/>: it did not fall quiet, or cannot be asked.</exception>
    internal void Wait(IOperationSink sink, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var (count, problem) = Count(cancellation);
            if (count < below)
            {
                return;
            }

            if (clock.Elapsed > limit)
            {
                throw new MaintenanceException(
                    ErrorCode.NotHealthy,
                    count is null
                        ? $"How many are still inside cannot be told: {problem}"
                        : string.Create(CultureInfo.InvariantCulture, $"After {Duration.Format(limit)} there are still {count:0} inside, and there should be fewer than {below:0}.{(address is not null && count == 1 ? " A page such as nginx's stub_status counts the connection that asks: wait for fewer than 2." : "")}"));
            }

            sink.Progress("Waiting for those who are still inside", (long)(count ?? -1), -1, "requests");
            cancellation.WaitHandle.WaitOne(Interval);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private (double? Count, string Problem) Count(CancellationToken cancellation)
    {
        using var look = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        look.CancelAfter(OneLook);
        try
        {
            var text = (address is null ? FromProgram(look.Token) : FromAddress(look.Token)).GetAwaiter().GetResult();
            var match = pattern.Match(text);
            var number = match.Groups.Count > 1 ? match.Groups[1].Value : match.Value;
            return double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var count)
                ? (count, "")
                : (null, $"there is no number in '{Expectation.Shorten(text)}'.");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null, $"no answer within {Duration.Format(OneLook)}.");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException or MaintenanceException or RegexMatchTimeoutException)
        {
            return (null, e.Message);
        }
    }

    private async Task<string> FromProgram(CancellationToken cancellation)
    {
        var run = await ProgramRun.Run(program!, null, cancellation).ConfigureAwait(false);
        return run.ExitCode == 0 ? run.Output : throw new IOException($"exit code {run.ExitCode}: {run.LastWords}");
    }

    private async Task<string> FromAddress(CancellationToken cancellation)
    {
        using var exchange = new HttpExchange(new HttpQuestion { Uri = address!, MaxRedirects = 0 });
        using var answer = await exchange.Ask(_ => true, cancellation).ConfigureAwait(false);
        var body = await BoundedBody.Read(answer, MostBytes, cancellation).ConfigureAwait(false);
        return answer.IsSuccessStatusCode ? Encoding.UTF8.GetString(body.Bytes) : throw new IOException($"'{exchange.Place}' answered {(int)answer.StatusCode}.{((int)answer.StatusCode == 503 ? " Is it behind the door that was just closed? Exempt it, or ask another server." : "")}");
    }
}
