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
        var entries = map.Keys.Select(name => Entry.Read(name, map.Map(name) ?? throw map.Wrong(name, "it should have keys such as http or disk."))).ToArray();

        // Only what is asked for is made: a secret that another check needs may not be here.
        HealthCheck[] checks = [.. Chosen(entries, names ?? [], plan).Select(e => Check(plan, e, defaults))];
        RequireOrder(checks, section);
        return checks;
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

    private static HealthCheck Check(PlanFile plan, Entry entry, PlanMap? defaults)
    {
        var map = entry.Map;
        return new HealthCheck
        {
            Name = entry.Name,
            Application = plan.App,
            Probe = Probe(entry.Kind, new PlanProbeSource(plan, map)),
            Timeout = map.Time("timeout") ?? defaults?.Time("timeout"),
            Retries = map.Number("retries") ?? defaults?.Number("retries") ?? 2,
            DegradedAfter = map.Time("degradedAfter") ?? defaults?.Time("degradedAfter"),
            FailAfter = map.Number("failAfter") ?? defaults?.Number("failAfter") ?? 3,
            RecoverAfter = map.Number("recoverAfter") ?? defaults?.Number("recoverAfter") ?? 2,
            After = entry.After,
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

    /// <summary>The entries that are named, and those that they come after; all where none is named.</summary>
    private static IEnumerable<Entry> Chosen(Entry[] all, IReadOnlyList<string> names, PlanFile plan)
    {
        if (names.Count == 0)
        {
            return all;
        }

        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var fitting = Array.FindAll(all, e => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(name, e.Name));
            if (fitting.Length == 0)
            {
                throw new MaintenanceException(ErrorCode.ItemNotFound, $"The plan has no check '{name}'. There are: {string.Join(", ", all.Select(e => e.Name))}.", plan.Location);
            }

            Array.ForEach(fitting, e => Want(e.Name));
        }

        return all.Where(e => wanted.Contains(e.Name));

        void Want(string name)
        {
            if (wanted.Add(name) && Array.Find(all, e => e.Name == name) is { } entry)
            {
                foreach (var before in entry.After)
                {
                    Want(before);
                }
            }
        }
    }

    /// <summary>A check as the plan has it, before anything is made of it.</summary>
    private sealed record Entry(string Name, PlanMap Map, PlanProbeKind Kind, IReadOnlyList<string> After)
    {
        public static Entry Read(string name, PlanMap map) => new(name, map, PlanProbes.KindOf(map, OfEveryCheck), map.List("after"));
    }
}
