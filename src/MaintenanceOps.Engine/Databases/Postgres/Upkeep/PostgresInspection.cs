using MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;
using MaintenanceOps.Engine.Databases.Upkeep;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>Asks one rule after the other; one that may not see what it needs says so, and the others go on.</summary>
internal sealed class PostgresInspection(UpkeepSession session, UpkeepLimits limits, DatabaseHistory? history)
{
    public IEnumerable<DatabaseFinding> Run(CancellationToken cancellation)
    {
        session.ForReading(limits.Inspection);
        var inspection = new Inspection(session, limits, history, cancellation);
        foreach (var rule in RuleBook.Rules)
        {
            foreach (var finding in Look(inspection, rule))
            {
                yield return finding;
            }
        }
    }

    /// <exception cref="MaintenanceException">The connection is gone.</exception>
    private List<DatabaseFinding> Look(Inspection inspection, Rule rule)
    {
        try
        {
            return Try(inspection, rule);
        }
        catch (NpgsqlException e)
        {
            throw session.Server.Wrap(e);
        }
    }

    private List<DatabaseFinding> Try(Inspection inspection, Rule rule)
    {
        try
        {
            return [.. rule.Look(inspection)];
        }
        catch (NotLookedAtException e)
        {
            return [Refused(inspection, rule.Name, e.Message)];
        }
        catch (PostgresException e) when (UpkeepSession.Survives(e))
        {
            return [e.SqlState switch
            {
                PostgresErrorCodes.InsufficientPrivilege => Refused(inspection, rule.Name, e.MessageText),
                PostgresErrorCodes.QueryCanceled => inspection.NotSeen(rule.Name, $"it took longer than {Duration.Format(limits.Inspection)}"),
                _ => inspection.NotSeen(rule.Name, e.MessageText),
            }];
        }
    }

    private static DatabaseFinding Refused(Inspection inspection, string rule, string reason) =>
        inspection.Hidden(rule, reason, "pg_monitor", "A member of pg_monitor sees all that the rules look at, and can change nothing.");
}
