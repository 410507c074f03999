using System.Globalization;
using MaintenanceOps.Engine.Databases;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Judges what a restored database answers to an assertion.</summary>
internal static class AssertedValue
{
    /// <summary>Notes an assertion that does not hold.</summary>
    /// <param name="sql">What was asserted: one statement, or several of which each that gives a value must give a true one.</param>
    /// <param name="values">As from <see cref="SqlAnswer.FirstOfEach"/>.</param>
    /// <param name="snapshot">The snapshot that was asked.</param>
    /// <param name="drill">Takes what failed.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: no statement gives a value.</exception>
    public static void Check(string sql, IReadOnlyCollection<object?> values, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        if (values.Count == 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{sql}' gives no value, so it asserts nothing. Write a SELECT whose first value is true, such as 'select count(*) > 0 from users'. Nothing was recorded.", sql);
        }

        foreach (var value in values.Where(v => !SqlAnswer.IsTrue(v)).Take(1))
        {
            var shown = SqlAnswer.IsNothing(value) ? "nothing" : $"'{Convert.ToString(value, CultureInfo.InvariantCulture)}'";
            drill.Fail(SnapshotProof.AssertionFailed, $"'{sql}' gave {shown}.", snapshot);
        }
    }
}
