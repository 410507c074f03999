using System.Diagnostics;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>A process is found by what its operator calls it, and not by a command line that only has the words.</summary>
public sealed class ProcessNamesTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly List<Process> started = [];

    public void Dispose()
    {
        foreach (var process in started)
        {
            process.Kill();
            process.Dispose();
        }

        folder.Dispose();
    }

    [Theory]
    [InlineData("python3\0app.py\0", "/usr/bin/python3.11", "app.py")]
    [InlineData("python3\0app.py\0", "/usr/bin/python3.11", "python3 app.py")]
    [InlineData("python3\0app.py\0", "/usr/bin/python3.11", "python app.py")]
    [InlineData("/usr/bin/python3\0-u\0/srv/app/app.py\0--port\080\0", "/usr/bin/python3.11", "python3 app.py")]
    [InlineData("/usr/bin/python3\0-W\0ignore\0/srv/app/app.py\0", "/usr/bin/python3.11", "/srv/app/app.py")]
    [InlineData("python3\0-m\0gunicorn\0app:app\0", "/usr/bin/python3.11", "gunicorn")]
    [InlineData("node\0--max-old-space-size=4096\0server.js\0", "/usr/bin/node", "node server.js")]
    [InlineData("node\0-r\0dotenv/config\0dist/server.js\0", "/usr/bin/node", "server.js")]
    [InlineData("java\0-Xmx1g\0-jar\0/opt/app.jar\0", "/usr/lib/jvm/java", "app.jar")]
    [InlineData("php8.2\0-d\0memory_limit=1G\0artisan\0", null, "artisan")]
    [InlineData("dotnet\0/app/App.dll\0", "/usr/share/dotnet/dotnet", "App.dll")]
    [InlineData("gunicorn: worker [x]\0\0\0", "/usr/bin/python3.11", "gunicorn: worker [x]")]
    [InlineData("nginx: master process /usr/sbin/nginx -g daemon on;", "/usr/sbin/nginx", "nginx: master process")]
    [InlineData("postgres: 15/main: background writer \0", "/usr/lib/postgresql/15/bin/postgres", "postgres: background writer")]
    [InlineData("postgres: writer \0", null, "postgres: writer")]
    [InlineData("MainThread\0", "/usr/local/bin/node", "node")]
    public void Is_called(string line, string? program, string name) => Assert.True(new CommandLine(line, program).IsCalled(name));

    [Theory]
    [InlineData("mops\0health\0--process\0python3 app.py\0", "/usr/bin/mops", "python3 app.py")]
    [InlineData("mops\0health\0--process\0app.py\0", "/usr/bin/mops", "app.py")]
    [InlineData("dotnet\0mops.dll\0health\0--process\0app.py\0", "/usr/share/dotnet/dotnet", "app.py")]
    [InlineData("sh\0-c\0while true; do python3 app.py; done\0", "/bin/dash", "python3 app.py")]
    [InlineData("sh\0-c\0app.py\0", "/bin/dash", "app.py")]
    [InlineData("vim\0app.py\0", "/usr/bin/vim", "app.py")]
    [InlineData("tail\0-f\0/var/log/app.py\0", "/usr/bin/tail", "app.py")]
    [InlineData("python3\0other.py\0app.py\0", "/usr/bin/python3", "app.py")]
    [InlineData("python3\0other.py\0app.py\0", "/usr/bin/python3", "python3 app.py")]
    [InlineData("python3\0-c\0import app\0app.py\0", "/usr/bin/python3", "app.py")]
    [InlineData("python3\0myapp.py\0", "/usr/bin/python3", "app.py")]
    [InlineData("nginx: worker process\0", "/usr/sbin/nginx", "nginx: master process")]
    [InlineData("", null, "app.py")]
    public void Is_not_called(string line, string? program, string name) => Assert.False(new CommandLine(line, program).IsCalled(name));

    [Fact]
    public void A_script_a_title_and_a_program_are_found_once_each()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var tag = Guid.NewGuid().ToString("N")[..8];
        File.WriteAllText(folder[$"app-{tag}.sh"], "while :; do sleep 1; done");
        Start("/bin/sh", folder[$"app-{tag}.sh"]);
        Start("/bin/bash", "-c", $"exec -a 'postgres: {tag} writer' sleep 60");
        Start("tail", "-f", folder[$"app-{tag}.sh"]);

        foreach (var name in new[] { $"app-{tag}.sh", $"sh app-{tag}.sh", $"sh {folder[$"app-{tag}.sh"]}", $"postgres: {tag} writer" })
        {
            Assert.True(SpinWait.SpinUntil(() => Look.At(new ProcessProbe(name)).Status == HealthStatus.Healthy, TimeSpan.FromSeconds(20)), name);
            Assert.Equal(1, (int)Look.At(new ProcessProbe(name)).Facts["Count"]);
        }

        Assert.Equal(HealthStatus.Unhealthy, Look.At(new ProcessProbe($"sh {tag}.sh")).Status);
    }

    [Fact]
    public void The_process_that_looks_does_not_count()
    {
        using var self = Process.GetCurrentProcess();
        Assert.DoesNotContain(ProcessNames.Find(self.ProcessName), p => p.Id == Environment.ProcessId);
    }

    private void Start(string program, params string[] arguments) =>
        started.Add(Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!);
}
