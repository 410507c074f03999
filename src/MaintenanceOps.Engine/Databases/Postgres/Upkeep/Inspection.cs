using MaintenanceOps.Engine.Databases.Upkeep;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>One look at one database: what the rules ask with, and what several of them read.</summary>
internal sealed class Inspection(UpkeepSession session, UpkeepLimits limits, DatabaseHistory? history, CancellationToken cancellation)
{
    private readonly DatabaseFinding template = new()
    {
        Severity = FindingSeverity.Information,
        Rule = "",
        Engine = DatabaseEngine.Postgres,
        Database = session.Server.Describe(),
        Message = "",
        ConnectionString = session.PublicConnectionString,
        Password = session.Password,
    };

    private readonly Lazy<List<TableNeeds>> tables = new(() => TableNeeds.Read(session, cancellation));
    private readonly Lazy<List<Activity>> activities = new(() => Activity.Read(session, cancellation));
    private readonly Lazy<bool> sees = new(() => session.Ask(s => s.Scalar<bool>("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"), cancellation));

    public UpkeepSession Session => session;

    /// <summary>What was seen before; null where nothing is remembered.</summary>
    public DatabaseHistory? History => history;

    /// <summary>What that is kept under: the address of a server may be another one's tomorrow.</summary>
    public string Key => $"{session.Server.System:x16} {session.Server.Database}";

    public UpkeepLimits Limits => limits;

    public CancellationToken Cancellation => cancellation;

    public int Version => session.Server.Version;

    public List<TableNeeds> Tables => tables.Value;

    /// <exception cref="NotLookedAtException">The user sees nothing of other people's sessions.</exception>
    public List<Activity> Activities
    {
        get
        {
            RequireMonitor();
            return activities.Value;
        }
    }

    /// <summary>Some views do not refuse, they show empty fields; a rule on them would say that all is well.</summary>
    /// <exception cref="NotLookedAtException">The user sees nothing of other people's sessions.</exception>
    public void RequireMonitor()
    {
        if (!sees.Value)
        {
            throw new NotLookedAtException("the user sees nothing of other users' sessions and statements");
        }
    }

    public List<T> Rows<T>(string sql, Func<NpgsqlDataReader, T> read, params object[] values) => session.Rows(sql, read, cancellation, values);

    /// <summary>That a rule could not be looked at: its object is the rule, since silence would say that all is well.</summary>
    public DatabaseFinding NotSeen(string rule, string reason) =>
        Finding(FindingSeverity.Information, "NotLookedAt", rule, $"{rule} could not be looked at: {reason.TrimEnd('.')}.");

    /// <summary>The same, and what role would see it.</summary>
    public DatabaseFinding Hidden(string rule, string reason, string role, string advice)
    {
        var user = session.Ask(s => s.Scalar<string>("SELECT quote_ident(current_user)"), cancellation);
        return NotSeen(rule, reason) with { Sql = $"GRANT {role} TO {user};", Advice = advice };
    }

    /// <summary>A finding about an object, without what only some rules know.</summary>
    public DatabaseFinding Finding(FindingSeverity severity, string rule, string @object, string message) =>
        template with { Severity = severity, Rule = rule, Object = @object, Message = message };
}
