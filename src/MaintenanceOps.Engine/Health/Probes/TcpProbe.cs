using System.Net.Sockets;
using System.Text;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Connects to a port, and reads its greeting where one is expected.</summary>
public sealed class TcpProbe : IProbe
{
    private const int LongestGreeting = 4096;
    private readonly Endpoint endpoint;
    private readonly Expectation? greeting;

    /// <param name="endpoint"><c>host:port</c>.</param>
    /// <param name="greeting">What the first line that the server sends should be, such as <c>~ ^220 </c>; null asks for none.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public TcpProbe(string endpoint, string? greeting = null)
    {
        this.endpoint = Endpoint.Parse(endpoint);
        this.greeting = greeting is null ? null : Expectation.Parse(greeting);
    }

    /// <inheritdoc/>
    public string Kind => "tcp";

    /// <inheritdoc/>
    public string Target => endpoint.ToString();

    /// <inheritdoc/>
    public async Task<Observation> Observe(ProbeContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var verdict = new Verdict();
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(endpoint.Host, endpoint.Port, context.Cancellation).ConfigureAwait(false);
            verdict.Fact("Address", client.Client.RemoteEndPoint?.ToString());
            if (greeting is not null && greeting.Complaint("the greeting", await FirstLine(client.GetStream(), context.Cancellation).ConfigureAwait(false)) is { } complaint)
            {
                verdict.Unhealthy(complaint);
            }
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            verdict.Unhealthy(e.Message);
        }

        return verdict.End("connected");
    }

    private static async Task<string?> FirstLine(NetworkStream stream, CancellationToken cancellation)
    {
        var buffer = new byte[LongestGreeting];
        var length = 0;
        while (length < buffer.Length && !buffer.AsSpan(0, length).Contains((byte)'\n')
            && await stream.ReadAsync(buffer.AsMemory(length), cancellation).ConfigureAwait(false) is > 0 and var read)
        {
            length += read;
        }

        return length == 0 ? null : Encoding.UTF8.GetString(buffer, 0, length).Split('\n')[0].TrimEnd('\r');
    }
}
