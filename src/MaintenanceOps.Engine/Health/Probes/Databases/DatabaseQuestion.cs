using System.Globalization;

namespace MaintenanceOps.Engine.Health.Probes.Databases;

/// <summary>What a database is asked besides how it does. It is asked for reading only.</summary>
public sealed class DatabaseQuestion
{
    private readonly Expectation? expected;

    /// <param name="sql">A statement; its first value counts.</param>
    /// <param name="expected">What that should be; where it is null, anything but nothing, false, 0 and an empty text.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public DatabaseQuestion(string sql, string? expected = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(sql);
        Sql = sql;
        this.expected = expected is null ? null : Expectation.Parse(expected);
    }

    internal string Sql { get; }

    internal void Judge(object? value, Verdict verdict)
    {
        var text = value switch
        {
            null or DBNull => null,
            bool truth => truth ? "true" : "false",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture),
        };
        verdict.Fact("Value", text);
        if (expected is not null)
        {
            if (expected.Complaint("the query's value", text) is { } complaint)
            {
                verdict.Unhealthy(complaint);
            }
        }
        else if (text is null or "" or "0" or "false")
        {
            verdict.Unhealthy($"the query gave {(text is null ? "nothing" : $"'{text}'")}");
        }
    }
}
