using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Plans.Health;

namespace MaintenanceOps.Engine.Plans;

/// <summary>The checks of a plan.</summary>
public static class HealthPlan
{
    private static readonly string[] OfEveryCheck = ["timeout", "retries", "degradedAfter", "failAfter", "recoverAfter", "after"];

    /// <summary>The checks that a plan names, ready to be asked.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="names">Which of them, with wildcards, and those that they come after; all where there is none.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>; <see cref="ErrorCode.ItemNotFound"/>: a name fits no check.</exception>
    public static IReadOnlyList<HealthCheck> Checks(PlanFile plan, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var section = plan.Root.Map("health") ?? throw plan.Root.Wrong("health", "the plan has no section of this name, so there is nothing to look at.");
        section.Allow("defaults", "checks");
        var defaults = section.Map("defaults");
        defaults?.Allow(OfEveryCheck.Where(k => k != "after"));
        var map = section.Map("checks") ?? throw section.Wrong("checks", "it is missing.");
        var all = map.Keys.Select(name => Check(plan, name, map.Map(name) ?? throw map.Wrong(name, "it should have keys such as http or disk."), defaults)).ToArray();
        RequireOrder(all, section);
        return names is { Count: > 0 } ? Chosen(all, names, plan) : all;
    }

    private static void RequireOrder(HealthCheck[] checks, PlanMap section)
    {
        try
        {
            CheckOrder.Require(checks);
        }
        catch (MaintenanceException e)
        {
            throw section.Wrong("checks", e.Message);
        }
    }

    private static HealthCheck Check(PlanFile plan, string name, PlanMap map, PlanMap? defaults)
    {
        var kind = PlanProbes.KindOf(map);
        map.Allow([.. OfEveryCheck, .. kind.Keys]);
        return new HealthCheck
        {
            Name = name,
            Application = plan.App,
            Probe = Probe(kind, new PlanProbeSource(plan, map)),
            Timeout = map.Time("timeout") ?? defaults?.Time("timeout"),
            Retries = map.Number("retries") ?? defaults?.Number("retries") ?? 2,
            DegradedAfter = map.Time("degradedAfter") ?? defaults?.Time("degradedAfter"),
            FailAfter = map.Number("failAfter") ?? defaults?.Number("failAfter") ?? 3,
            RecoverAfter = map.Number("recoverAfter") ?? defaults?.Number("recoverAfter") ?? 2,
            After = map.List("after"),
        };
    }

    /// <summary>What a probe itself finds wrong is told with the line that it comes from.</summary>
    private static IProbe Probe(PlanProbeKind kind, PlanProbeSource source)
    {
        try
        {
            return kind.Make(source);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.InvalidArgument)
        {
            throw source.Map.Wrong(kind.Word, e.Message);
        }
    }

    private static List<HealthCheck> Chosen(HealthCheck[] all, IReadOnlyList<string> names, PlanFile plan)
    {
        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var fitting = all.Where(c => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(name, c.Name)).ToArray();
            if (fitting.Length == 0)
            {
                throw new MaintenanceException(ErrorCode.ItemNotFound, $"The plan has no check '{name}'. There are: {string.Join(", ", all.Select(c => c.Name))}.", plan.Location);
            }

            Array.ForEach(fitting, c => Want(c.Name));
        }

        return [.. all.Where(c => wanted.Contains(c.Name))];

        void Want(string name)
        {
            if (wanted.Add(name) && Array.Find(all, c => c.Name == name) is { } check)
            {
                foreach (var before in check.After)
                {
                    Want(before);
                }
            }
        }
    }
}
