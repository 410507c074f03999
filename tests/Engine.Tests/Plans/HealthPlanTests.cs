using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Plans;

/// <summary>A plan's checks, and what is said of a plan that is wrong.</summary>
public sealed class HealthPlanTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("MOPS_PLAN_TEST", null);
        folder.Dispose();
    }

    [Fact]
    public void All_kinds_of_checks_can_be_named()
    {
        Environment.SetEnvironmentVariable("MOPS_PLAN_TEST", "Host=db;Database=app;Password=hunter2");
        var checks = HealthPlan.Checks(Load("""
            app: boardroom
            timeZone: UTC
            databases:
              main: { engine: postgres, connection: "${env:MOPS_PLAN_TEST}", method: logical }
              cache: { path: data/cache.db }
            repositories: { local: { path: backups, keep: { within: 7d } } }
            backup: { to: local, every: 12h }
            health:
              defaults: { timeout: 3s, retries: 2, failAfter: 3, recoverAfter: 2 }
              checks:
                api: { http: "http://localhost:8000/health", expect: { status: 200, json: { status: healthy } }, degradedAfter: 1s, after: [db, cache], timeout: 10s }
                db: { database: main, query: "select 1", expect: "1", maxLockWait: 10s, maxTransaction: 1h, maxLag: 5m, maxStatisticsAge: 7d, maxSize: 20GiB }
                cache: { database: cache, maxWal: 64MiB }
                disk: { disk: /, degraded: 20%, unhealthy: 10GiB }
                memory: { memory: here, unhealthy: 5% }
                tls: { tls: "boardroom.ai:443", degraded: 25%, unhealthy: 10%, certificate: cert.pem }
                backups: { backup: main, maxAge: 26h }
                web: { process: nginx, count: 2, maxMemory: 1GiB }
                app: { container: app, socket: /run/docker.sock }
                redis: { redis: localhost, password: "${env:MOPS_PLAN_TEST}" }
                mail: { tcp: "localhost:25", expect: "~ ^220" }
                own: { command: [true], exitCodes: [0, 2] }
                shell: { command: "true | cat" }
            """));
        Assert.Equal(["api", "db", "cache", "disk", "memory", "tls", "backups", "web", "app", "redis", "mail", "own", "shell"], checks.Select(c => c.Name));
        var api = checks[0];
        Assert.Equal((TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), 2, 3, 2), (api.Timeout, api.DegradedAfter, api.Retries, api.FailAfter, api.RecoverAfter));
        Assert.Equal(["db", "cache"], api.After);
        Assert.Equal("postgresql://db:5432/app", checks[1].Probe.Target);
        Assert.Equal(folder["data/cache.db"], checks[2].Probe.Target);
        Assert.Equal($"boardroom/main in {folder["backups"]}", checks[6].Probe.Target);
        Assert.DoesNotContain(checks, c => c.Probe.Target.Contains("hunter2", StringComparison.Ordinal));
    }

    [Fact]
    public void A_chosen_check_brings_those_that_it_comes_after()
    {
        var plan = Load("""
            app: notes
            health: { checks: { a: { tcp: "h:1", after: b }, b: { tcp: "h:2" }, c: { tcp: "h:3" } } }
            """);
        Assert.Equal(["a", "b"], HealthPlan.Checks(plan, ["a"]).Select(c => c.Name));
        Assert.Contains("There are: a, b, c.", Assert.Throws<MaintenanceException>(() => HealthPlan.Checks(plan, ["x"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_that_is_not_here_stops_only_the_check_that_needs_it()
    {
        var plan = Load("""
            app: notes
            databases: { main: { connection: "${env:MOPS_PLAN_TEST}" } }
            health: { checks: { a: { tcp: "h:1" }, r: { redis: h, password: "${env:MOPS_PLAN_TEST}" }, d: { database: main } } }
            """);
        Assert.Equal(["a"], HealthPlan.Checks(plan, ["a"]).Select(c => c.Name));
        Assert.Contains("MOPS_PLAN_TEST", Assert.Throws<MaintenanceException>(() => HealthPlan.Checks(plan, ["r"])).Message, StringComparison.Ordinal);
        Assert.Contains("MOPS_PLAN_TEST", Assert.Throws<MaintenanceException>(() => HealthPlan.Checks(plan)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("app: notes\nhealth: { checks: { a: { htp: 'http://x' } } }", "http")]
    [InlineData("app: notes\ndatabases: { d: { path: x.db } }\nhealth: { checks: { a: { database: d, maxLag: 5m } } }", "SQLite does not tell that")]
    [InlineData("app: notes\nhealth: { checks: { p: { process: x, maxMemory: 50% } } }", "'50%' is a share. Write a size such as 500MiB")]
    [InlineData("app: notes\nhealth: { checks: { d: { disk: /, failAfter: 0 } } }", "'d': so many bad looks in a row make it bad: one at least")]
    [InlineData("app: notes\nhealth: { checks: { d: { disk: /, timeout: 0s } } }", "longer than none")]
    [InlineData("app: notes\nhealt: { checks: {} }", "line 2: a plan has no key 'healt'. Did you mean 'health'?")]
    [InlineData("app: notes\nhealth:\n  checks:\n    api:\n      http: http://h/\n      expcet: { status: 200 }", "line 6: 'health.checks.api' has no key 'expcet'. Did you mean 'expect'?")]
    [InlineData("app: notes\nhealth:\n  checks:\n    api: { http: http://h/, timeout: 5 minutes }", "line 4: 'health.checks.api.timeout' is '5 minutes', and should be a duration such as 90s, 5m, 24h or 7d.")]
    [InlineData("app: notes\nhealth: { checks: { api: { timeout: 5s } } }", "a check needs one of http, tcp,")]
    [InlineData("app: notes\nhealth: { checks: { api: { http: http://h/, disk: / } } }", "a check looks at one thing")]
    [InlineData("app: notes\nhealth: { checks: { d: { database: main } } }", "the plan has no database 'main'")]
    [InlineData("app: notes\nhealth: { checks: { d: { disk: /, degraded: lots } } }", "'lots' is no amount")]
    [InlineData("app: notes\nhealth: { checks: { r: { redis: h, password: \"${env:MOPS_NOT_SET}\" } } }", "the variable 'MOPS_NOT_SET' is not set")]
    [InlineData("app: notes\nhealth: { checks: { r: { redis: h, password: \"${file:none}\" } } }", "cannot be read")]
    [InlineData("app: notes\nhealth:\n  checks:\n    r: { redis: h, password: \"env:REDISPW\" }", "line 4: 'health.checks.r.password' is no reference that a plan knows. Write ${env:NAME} or ${file:path}.")]
    [InlineData("app: notes\ndatabases: { main: { pth: a.db } }\nhealth: { checks: { d: { database: main } } }", "'databases.main' has no key 'pth'. Did you mean 'path'?")]
    [InlineData("app: notes\nhealth:\n  checks:\n    a: { http: \"localhost:8000/health\" }", "line 4: 'health.checks.a.http': 'localhost:8000/health' is not a web address")]
    [InlineData("app: notes\nhealth: { checks: { a: { disk: /, after: b }, b: { disk: /, after: a } } }", "line 2: 'health.checks': These checks wait for each other")]
    [InlineData("app: notes\nhealth: { checks: { a: 5 } }", "'health.checks.a' should have keys of its own")]
    [InlineData("app: notes\nhealth: { checks: { c: { command: [] } } }", "'health.checks.c.command' is an empty list")]
    [InlineData("app: notes\nhealth: { checks: { c: { command: \"check --token ${env:PATH}\" } } }", "to everybody who lists processes")]
    [InlineData("app: notes\nhealth: { checks: { c: { command: [check, \"${env:PATH}\"] } } }", "to everybody who lists processes")]
    [InlineData("app: notes\nrepositories: {}\nhealth: { checks: { b: { backup: main } } }", "the plan has no repositories")]
    [InlineData("app: notes\nhealth: { checks: { d: { disk: \"a\\0b\" } } }", "it is no path")]
    [InlineData("app: notes\nhealth: { checks: { ? [a, b] : { command: x } } }", "a key that is no single word")]
    [InlineData("app: notes\nhealth: { checks: { h: { http: http://h/, headers: { ? [a] : x, ? [b] : y } } } }", "a key that is no single word")]
    [InlineData("app: notes", "so there is nothing to look at")]
    [InlineData("health: {}", "The plan needs 'app'.")]
    [InlineData("- a\n- b", "is no plan")]
    [InlineData("app: [", "cannot be read as YAML")]
    [InlineData("app: &a notes\nhealth: *a", "a plan has no aliases")]
    public void A_wrong_plan_says_what_and_where(string text, string message)
    {
        var e = Assert.Throws<MaintenanceException>(() => HealthPlan.Checks(Load(text)));
        Assert.Equal(ErrorCode.PlanInvalid, e.Code);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hostile_plan_costs_nothing()
    {
        Assert.Contains("nested too deep", Wrong("app: " + new string('[', 200_000)), StringComparison.Ordinal);
        Assert.Contains("larger than", Wrong("app: " + new string('x', 2 << 20)), StringComparison.Ordinal);
        Assert.Equal(ErrorCode.PathNotFound, Assert.Throws<MaintenanceException>(() => PlanFile.Load(folder["none.yaml"])).Code);
    }

    private string Wrong(string text) => Assert.Throws<MaintenanceException>(() => Load(text)).Message;

    private PlanFile Load(string text)
    {
        File.WriteAllText(folder["plan.yaml"], text);
        return PlanFile.Load(folder["plan.yaml"]);
    }
}
