using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A real Alertmanager of a test's own.</summary>
internal sealed class AlertmanagerServer : IDisposable
{
    public const string Program = "prometheus-alertmanager";
    private readonly TestFolder folder = new();
    private readonly Process process;
    private readonly HttpClient client = new();

    public AlertmanagerServer()
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}");
        }

        File.WriteAllText(folder["am.yml"], "route: { receiver: none }\nreceivers: [{ name: none }]\n");
        process = Process.Start(new ProcessStartInfo(Program, [$"--config.file={folder["am.yml"]}", $"--storage.path={folder["data"]}", $"--web.listen-address={Address.Authority}", "--cluster.listen-address="]) { RedirectStandardError = true })!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        for (var i = 0; i < 200 && !IsReady(); i++)
        {
            Thread.Sleep(50);
        }
    }

    public Uri Address { get; }

    /// <summary>The silences that it knows, with their state.</summary>
    public (string State, DateTimeOffset EndsAt, string Comment, string Label)[] Silences()
    {
        using var document = JsonDocument.Parse(client.GetStringAsync(new Uri(Address, "/api/v2/silences")).GetAwaiter().GetResult());
        return [.. document.RootElement.EnumerateArray().Select(s => (
            s.GetProperty("status").GetProperty("state").GetString()!,
            s.GetProperty("endsAt").GetDateTimeOffset(),
            s.GetProperty("comment").GetString()!,
            s.GetProperty("matchers")[0].GetProperty("name").GetString()! + "=" + s.GetProperty("matchers")[0].GetProperty("value").GetString()!))];
    }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        client.Dispose();
        folder.Dispose();
    }

    private bool IsReady()
    {
        try
        {
            return client.GetAsync(new Uri(Address, "/-/ready")).GetAwaiter().GetResult().IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
