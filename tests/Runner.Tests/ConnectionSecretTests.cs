using System.Collections.Concurrent;
using MaintenanceOps.Engine.Tests.Support;

namespace MaintenanceOps.Runner.Tests;

/// <summary>A password that was given in a connection string, right or wrong, stands nowhere: no stream, no file, no list of processes.</summary>
public sealed class ConnectionSecretTests : Place
{
    private const string Canary = "zQ7canary";

    /// <summary>Wrong in one way or another, or of a server that is not there; in the place where they belong and where they do not.</summary>
    public static TheoryData<string> Strings() =>
    [
        $"host=127.0.0.1 port=1 user=app password={Canary} dbname=app",
        $"host=127.0.0.1 port=1 password='{Canary} x'",
        $"host=127.0.0.1 port=1 password={Canary} x dbname=app",
        $"host=127.0.0.1 port=1 password='{Canary}",
        $"host=127.0.0.1 port=1 pasword={Canary}",
        $"Host=127.0.0.1 Port=1 Username=app Password={Canary}",
        $"Host=127.0.0.1;Port=1;Username=app Password={Canary}",
        $"Host=127.0.0.1;Port=1;Password=a;{Canary}",
        $"Host=127.0.0.1;Port=1;Passwort={Canary}",
        $"postgresql://app:{Canary}@127.0.0.1:1/app",
        $"postgresql://app:{Canary}@127.0.0.1:x1/app",
        $"postgresql://app:p@{Canary}@127.0.0.1:1/app",
        $"postgresql://app:p/{Canary}@127.0.0.1:1/app",
        $"postgresql://app:1/{Canary}@127.0.0.1:1/app",
        $"postgresql://app:p?x={Canary}@127.0.0.1:1/app",
        $"postgresql://app:%{Canary}@127.0.0.1:1/app",
        $"postgresql://app@127.0.0.1:1/app?password={Canary}",
        $"postgresql://app@127.0.0.1:1/app?pass={Canary}",
        $"postgresql://app@127.0.0.1:1/app password={Canary}",
        $"postgresql+psycopg2://app:{Canary}@127.0.0.1:1/app",
        $"jdbc:postgresql://127.0.0.1:1/app?password={Canary}",
    ];

    [Theory]
    [MemberData(nameof(Strings))]
    public void It_is_not_repeated(string text)
    {
        var mops = Mops();
        mops.Environment["CONNECTION"] = text;
        string[][] lines =
        [
            ["backup", "-c", text, "--source", "a", "--initialize"],
            ["backup", "-c", "env:CONNECTION", "--json", "--initialize"],
            ["backup", text, "--initialize"],
            ["backup", "-c", "host=127.0.0.1", text],
            ["health", "-c", text],
            ["health", text],
            ["health", "--tcp", text],
            ["health", "--path", text, "--json"],
            ["database", "health", text],
            ["database", "test", "-c", text, "--json"],
            ["optimize", "--dry-run", "-c", text],
            ["list", "--repository", text],
            ["list", text],
            ["restore", "latest", "--connection-string", text],
            ["restore", "latest", "--destination", text, "--json"],
        ];

        // Starting a process takes long; what is asked twice in the same way is asked of every third string.
        foreach (var line in lines.Where((_, i) => i % 3 == text.Length % 3 || i is 0 or 2))
        {
            var run = mops.Run(line);
            Assert.NotEqual(0, run.ExitCode);
            Assert.DoesNotContain("canary", run.Output + run.Error, StringComparison.OrdinalIgnoreCase);
        }

        foreach (var path in Directory.EnumerateFileSystemEntries(Folder, "*", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain("canary", path, StringComparison.OrdinalIgnoreCase);
            Assert.False(File.Exists(path) && File.ReadAllBytes(path).AsSpan().IndexOf("canary"u8) >= 0, $"'{path}' holds it.");
        }
    }

    [Fact]
    public void Words_that_a_missing_quote_leaves_over_are_not_repeated()
    {
        var mops = Mops();
        foreach (var line in new[] { "backup", "health", "database health", "restore latest", "list" })
        {
            var run = mops.Run([.. line.Split(' '), "-c", "host=127.0.0.1", "user=app", $"password={Canary}", "--json"]);
            Assert.Equal(2, run.ExitCode);
            Assert.DoesNotContain("canary", run.Output + run.Error, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void Addresses_of_other_servers_are_not_repeated_with_their_users()
    {
        var mops = Mops();
        foreach (var line in new string[][]
        {
            ["--redis", $"redis://:{Canary}@127.0.0.1:1"], ["--tcp", $"redis://app:{Canary}@127.0.0.1:1"], ["--tls", $"https://app:{Canary}@127.0.0.1"],
            [$"redis://:{Canary}@127.0.0.1:1"], [$"ftp://app:{Canary}@127.0.0.1"], [$"http://app:{Canary}@127.0.0.1:1/"], [$"mysql://app:{Canary}@127.0.0.1/x"],
        })
        {
            var run = mops.Run(["health", .. line]);
            Assert.NotEqual(0, run.ExitCode);
            Assert.DoesNotContain("canary", run.Output + run.Error, StringComparison.OrdinalIgnoreCase);
        }

        Assert.All(Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories), f => Assert.True(File.ReadAllBytes(f).AsSpan().IndexOf("canary"u8) < 0, f));
    }

    [PostgresFact]
    public void Programs_that_are_started_show_it_to_nobody_and_it_is_stored_nowhere()
    {
        using var cluster = new PostgresCluster("password_encryption = 'scram-sha-256'");
        cluster.Execute($"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{Canary} x'; CREATE TABLE t AS SELECT i, md5(i::text) AS h FROM generate_series(1, 200000) i");
        File.WriteAllText(Path.Combine(cluster.Data, "pg_hba.conf"), "local all guarded scram-sha-256\nlocal all all trust\n");
        cluster.Execute("SELECT pg_reload_conf()");
        var mops = Mops();
        mops.Environment["CONNECTION"] = $"host={cluster.Folder} user=guarded password='{Canary} x' dbname=postgres";
        using var stop = new CancellationTokenSource();
        var seen = new ConcurrentBag<string>();
        var watch = Task.Run(() => Watch(seen, stop.Token));
        mops.Run("backup", "-c", "env:CONNECTION", "--source", "a", "--initialize").Expect(0);
        mops.Run("restore", "latest", "-c", "env:CONNECTION", "--as", "back").Expect(0);
        var health = mops.Run("database", "health", "-c", "env:CONNECTION", "--json").Expect(3);
        stop.Cancel();
        watch.Wait();
        Assert.Contains(seen, s => s.Contains("pg_dump", StringComparison.Ordinal));
        Assert.DoesNotContain(seen, s => s.Contains("canary", StringComparison.Ordinal));
        Assert.DoesNotContain("canary", health.Output + health.Error, StringComparison.Ordinal);
        Assert.Contains(health.Lines, l => l.Contains("postgresql://guarded@/postgres?", StringComparison.Ordinal));
        Assert.All(Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories), f => Assert.True(File.ReadAllBytes(f).AsSpan().IndexOf("canary"u8) < 0, f));
    }

    [PostgresFact]
    public void The_environment_and_a_service_say_what_the_string_does_not()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        var mops = Mops();
        mops.Environment["PGHOST"] = cluster.Folder;
        mops.Environment["PGUSER"] = "postgres";
        Assert.Contains($"postgresql:///app?host={cluster.Folder}&port=5432", mops.Run("health", "-c", "dbname=app", "--json").Expect(0).Output, StringComparison.Ordinal);

        // Its programs go where it goes itself, whatever else the environment says.
        File.WriteAllText(InFolder("services"), $"[shop]\nhost={cluster.Folder}\nuser=postgres\ndbname=app\n");
        mops.Environment["PGHOST"] = "/nowhere";
        mops.Environment["PGPORT"] = "5432";
        mops.Environment["PGOPTIONS"] = "-c statement_timeout=1";
        mops.Environment["PGSERVICEFILE"] = InFolder("services");
        mops.Environment["PGSERVICE"] = "shop";
        Assert.Contains($"host={cluster.Folder}&port=5432", mops.Run("backup", "-c", "application_name=nightly", "--initialize", "--source", "a", "--json").Expect(0).Output, StringComparison.Ordinal);
    }

    private static void Watch(ConcurrentBag<string> seen, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
            {
                try
                {
                    seen.Add(File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' '));
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // It has ended.
                }
            }

            Thread.Sleep(20);
        }
    }
}
