using System.Runtime.InteropServices;

namespace MaintenanceOps.Runner.Cli;

/// <summary>
/// Turns the first Ctrl+C, SIGTERM or hang-up into a cancelled token, so that work ends cleanly: leases released, scratch
/// folders gone. The second one kills, as if this were not here.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;

    public Interruption(Action announce)
    {
        registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            if (source.IsCancellationRequested)
            {
                return;
            }

            context.Cancel = true;
            announce();
            source.Cancel();
        }))];
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        foreach (var registration in registrations)
        {
            registration.Dispose();
        }

        source.Dispose();
    }
}
