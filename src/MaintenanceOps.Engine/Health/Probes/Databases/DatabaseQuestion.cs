using System.Globalization;
using MaintenanceOps.Engine.Databases;

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

    /// <param name="values">What the statements of it gave, each its first value; more than one leaves open which counts.</param>
    /// <param name="verdict">Takes the judgement.</param>
    internal void Judge(IReadOnlyList<object?> values, Verdict verdict)
    {
        if (values.Count != 1)
        {
            verdict.Unknown(values.Count == 0 ? "the query gives no value" : $"the query has {values.Count} answers, and one can be judged");
            return;
        }

        var value = values[0];
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
        else if (!SqlAnswer.IsTrue(value))
        {
            verdict.Unhealthy($"the query gave {(SqlAnswer.IsNothing(value) ? "nothing" : $"'{text}'")}");
        }
    }
}
