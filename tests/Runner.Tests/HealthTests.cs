using System.Net;
using System.Net.Sockets;

namespace MaintenanceOps.Runner.Tests;

/// <summary>Things are looked at from a shell and by a scheduler: tables for people, JSON lines for programs, exit codes for both.</summary>
public sealed class HealthTests : Place
{
    [Fact]
    public void What_is_well_ends_with_0_and_what_is_not_with_3()
    {
        using var listener = Listen(out var endpoint);
        var mops = Mine();
        Assert.Contains("healthy", mops.Run("health", "--tcp", endpoint).Expect(0).Output, StringComparison.Ordinal);
        var down = mops.Run("health", "--tcp", endpoint, "--tcp", "127.0.0.1:1", "--retry", "0", "--json").Expect(3);
        Assert.Equal(["Healthy", "Unhealthy"], down.Json.Select(r => r.GetProperty("status").GetString()!).Order());
        mops.Run("health", "--disk", "/no/such/place", "--retry", "0").Expect(3);
        mops.Run("health", "--memory", "--degraded", "100%", "--unhealthy", "0%").Expect(0);
        mops.Run("health", "--memory", "--degraded", "100%", "--unhealthy", "0%", "--strict", "--retry", "0").Expect(3);
    }

    /// <summary>All of a process may take 64 MiB: more than that of an answer without end would end it.</summary>
    [Fact]
    public void An_answer_without_end_costs_bounded_memory()
    {
        var mops = Mine();
        mops.Environment["DOTNET_GCHeapHardLimit"] = "0x4000000";
        foreach (var (head, reason, words) in new (string, string, Func<int, string[]>)[]
        {
            ("HTTP/1.1 200 OK\r\n\r\n", "larger than 1.00 MiB", port => ["--expect-body", "~ y", $"http://127.0.0.1:{port}/"]),
            ("HTTP/1.1 200 OK\r\nX-Long: ", "headers are larger than 64 KiB", port => [$"http://127.0.0.1:{port}/"]),
            ("$2000000000\r\n", "longer than 1.00 MiB", port => ["--redis", $"127.0.0.1:{port}"]),
            ("220 ", "greeting", port => ["--tcp", $"127.0.0.1:{port}", "--expect", "~ y"]),
        })
        {
            using var server = Listen(out var endpoint);
            _ = Task.Run(() => Endless(server, head));
            var run = mops.Run(["health", "--retry", "0", "--json", .. words(int.Parse(endpoint.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture))]).Expect(3);
            Assert.Contains(reason, Assert.Single(run.Json).GetProperty("reason").GetString()!, StringComparison.Ordinal);
        }
    }

    private static async Task Endless(TcpListener server, string head)
    {
        var more = new byte[64 * 1024];
        more.AsSpan().Fill((byte)'x');
        while (true)
        {
            using var client = await server.AcceptTcpClientAsync();
            try
            {
                var stream = client.GetStream();
                await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(head));
                while (true)
                {
                    await stream.WriteAsync(more);
                }
            }
            catch (IOException)
            {
                // It has seen enough.
            }
        }
    }

    [Fact]
    public void A_plan_is_asked_and_its_history_told()
    {
        using var listener = Listen(out var endpoint);
        File.WriteAllText(Path.Combine(Folder, "plan.yaml"), $$"""
            app: notes
            health:
              defaults: { retries: 0 }
              checks:
                port: { tcp: "{{endpoint}}" }
                gone: { tcp: "127.0.0.1:1" }
                above: { command: "true", after: gone }
            maintenance: { flag: m.flag }
            """);
        var mops = Mine();
        Assert.Empty(mops.Run("health", "plan.yaml", "--name", "port", "--quiet").Expect(0).Output);
        mops.Run("mode", "on", "plan.yaml").Expect(0);
        var results = mops.Run("health", "plan.yaml", "--json").Expect(3).Json;
        Assert.All(results, r => Assert.True(r.GetProperty("inMaintenance").GetBoolean()));
        Assert.Equal(2, results.Single(r => r.GetProperty("name").GetString() == "port").GetProperty("streak").GetInt32());
        mops.Run("mode", "off", "plan.yaml").Expect(0);
        var history = Assert.Single(mops.Run("health", "history", "notes/port", "--window", "1h", "--json").Expect(0).Json);
        Assert.Equal((2, 1), (history.GetProperty("looks").GetInt32(), history.GetProperty("inMaintenance").GetInt32()));
        mops.Run("health", "history", "nobody").Expect(1);
        Assert.Contains("cannot be repeated -1 times", mops.Run("health", "plan.yaml", "--retry=-1").Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Waiting_ends_with_0_or_3()
    {
        using var listener = Listen(out var endpoint);
        var mops = Mine();
        mops.Run("health", "wait", "--tcp", endpoint).Expect(0);
        var late = mops.Run("health", "wait", "--tcp", "127.0.0.1:1", "--timeout", "1s", "--interval", "1s").Expect(3);
        Assert.Contains("NotHealthy", late.Error, StringComparison.Ordinal);
        mops.Run("mode", "on", "m.flag").Expect(0);
        mops.Run("mode", "off", "m.flag", "--when-healthy", "--health-uri", "http://127.0.0.1:1/", "--health-timeout", "1s").Expect(3);
        mops.Run("mode", "status", "m.flag").Expect(3);
    }

    [Fact]
    public void What_makes_no_sense_ends_with_2()
    {
        var mops = Mine();
        mops.Run("health").Expect(2);
        mops.Run("health", "--tcp", "nowhere").Expect(2);
        Assert.Contains("'--timout' is no option", mops.Run("health", "--timout", "5s", "http://127.0.0.1:1/").Expect(2).Error, StringComparison.Ordinal);
        Assert.Contains("'5' is no duration", mops.Run("health", "--timeout", "5", "http://127.0.0.1:1/").Expect(2).Error, StringComparison.Ordinal);
        Assert.Contains("neither a web address", mops.Run("health", "watch").Expect(2).Error, StringComparison.Ordinal);
        Assert.Contains("'--timelimit' is no option", mops.Run("optimize", "app.db", "--timelimit", "5s").Expect(2).Error, StringComparison.Ordinal);
        mops.Run("health", "--disk", "/", "--degraded", "lots").Expect(2);
        File.WriteAllText(Path.Combine(Folder, "bad.yaml"), "app: notes\nhealt: {}");
        Assert.Contains("Did you mean 'health'?", mops.Run("health", "bad.yaml").Expect(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_is_looked_at_checked_and_mended()
    {
        var mops = Mine();
        mops.Run("health", "--path", "app.db").Expect(0);
        mops.Run("database", "test", "app.db", "--level", "full").Expect(0);
        Assert.NotNull(mops.Run("database", "health", "app.db", "--json").Expect(0).Json);
        mops.Run("optimize", "app.db", "--step", "analyze", "--force", "--dry-run").Expect(0);
        var result = mops.Run("optimize", "app.db", "--step", "vacuum", "--force", "--json").Expect(0).Json[0];
        Assert.Equal("Done", result.GetProperty("status").GetString());
        mops.Run("optimize", "app.db", "--step", "vacuumfull").Expect(2);
        mops.Run("database", "health", "none.db").Expect(1);
        mops.Run("database", "health").Expect(2);
    }

    private Mops Mine()
    {
        var mops = Mops();
        mops.Environment["MAINTENANCEOPS_STATE"] = Path.Combine(Folder, "state");
        return mops;
    }

    private static TcpListener Listen(out string endpoint)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        endpoint = $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        return listener;
    }
}
