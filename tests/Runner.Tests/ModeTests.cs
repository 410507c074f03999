using System.Text.Json;

namespace MaintenanceOps.Runner.Tests;

/// <summary>An application is closed and opened from a shell, and by a scheduler.</summary>
public sealed class ModeTests : Place
{
    [Fact]
    public void A_lease_closes_is_told_and_is_ended()
    {
        var mops = Mops();
        mops.Run("mode", "on", "m.flag", "--for", "30m", "--reason", "new version").Expect(0);
        Assert.Contains("new version", mops.Run("mode", "status", "m.flag").Expect(3).Output, StringComparison.Ordinal);
        using var state = JsonDocument.Parse(mops.Run("mode", "extend", "m.flag", "--for", "1h", "--json").Expect(0).Output);
        Assert.True(state.RootElement.GetProperty("enabled").GetBoolean());
        mops.Run("mode", "off", "m.flag").Expect(0);
        mops.Run("mode", "status", "m.flag").Expect(0);
        Assert.Equal(3, mops.Run("mode", "history", "m.flag", "--json").Expect(0).Lines.Length);
    }

    [Fact]
    public void A_lease_whose_time_is_over_is_ended_by_the_scheduler()
    {
        var mops = Mops();
        mops.Run("mode", "on", "m.flag", "--for", "1s").Expect(0);
        Thread.Sleep(1100);
        Assert.Contains("open", mops.Run("mode", "expire", "m.flag").Expect(0).Output, StringComparison.Ordinal);
        Assert.Contains("expired", mops.Run("mode", "history", "m.flag").Expect(0).Output, StringComparison.Ordinal);
        mops.Run("mode", "on", "m.flag", "--for", "8d").Expect(2);
        mops.Run("mode", "extend", "m.flag").Expect(1);
    }

    [Fact]
    public void A_plan_names_the_flag_wherever_a_flag_is_taken()
    {
        var mops = Mops();
        File.WriteAllText(InFolder("plan.yaml"), "app: notes\nalerts: { alertmanager: \"${env:MOPS_NOT_SET}\" }\nmaintenance: { flag: m.flag, exempt: [/health], retryAfter: 1h, silence: { app: notes } }");
        Assert.Contains("MOPS_NOT_SET", mops.Run("mode", "on", "plan.yaml").Expect(2).Error, StringComparison.Ordinal);
        mops.Run("mode", "on", "m.flag").Expect(0);

        // What is missing for closing keeps nobody from opening.
        mops.Run("mode", "off", "plan.yaml").Expect(0);
        Assert.Contains("left", mops.Run("mode", "history", "plan.yaml").Expect(0).Output, StringComparison.Ordinal);
        mops.Run("mode", "proxy", "nginx", "--flag", "plan.yaml", "--output", "out").Expect(0);
        Assert.Contains("3600", File.ReadAllText(InFolder("out/notes-maintenance.json")), StringComparison.Ordinal);
        Assert.Contains($"\"{InFolder("m.flag")}\"", File.ReadAllText(InFolder("out/notes-maintenance-server.inc")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_web_server_is_told_of_the_flag()
    {
        var mops = Mops();
        string[] words = ["mode", "proxy", "nginx", "--flag", "/run/notes/maintenance.flag", "--output", "out", "--name", "notes", "--exempt-path", "/health", "--bypass-address", "10.0.0.0/8"];
        Assert.Contains("Would write", mops.Run([.. words, "--dry-run"]).Expect(0).Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(InFolder("out")));

        var files = mops.Run([.. words, "--json"]).Expect(0).Json.Select(f => f.GetProperty("path").GetString()!);
        Assert.Equal(["notes-maintenance.html", "notes-maintenance.json", "notes-maintenance-http.conf", "notes-maintenance-server.inc"], files.Select(f => Path.GetFileName(f)));
        Assert.Contains("--force", mops.Run(words).Expect(1).Error, StringComparison.Ordinal);
        mops.Run([.. words, "--force", "--retry-after", "1h"]).Expect(0);
        Assert.Contains("3600", File.ReadAllText(InFolder("out/notes-maintenance.json")), StringComparison.Ordinal);
        Assert.Contains("--bypass-address", mops.Run([.. words, "--force", "--bypass-address", "0.0.0.0/0"]).Expect(2).Error, StringComparison.Ordinal);
    }
}
