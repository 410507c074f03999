using System.Collections;
using System.Data.Common;
using System.Globalization;
using System.Numerics;

namespace MaintenanceOps.Engine.Databases;

/// <summary>What a database answers to SQL that the user wrote, and whether that is true.</summary>
internal static class SqlAnswer
{
    /// <summary>For each statement that gives columns the first value of its first row; null where it gave no row.</summary>
    /// <param name="reader">The answers.</param>
    /// <param name="valueOf">Takes the value out of a row; as it comes where it is null.</param>
    public static List<object?> FirstOfEach(DbDataReader reader, Func<DbDataReader, object?>? valueOf = null)
    {
        valueOf ??= row => row.GetValue(0);
        var values = new List<object?>();
        do
        {
            if (reader.FieldCount > 0)
            {
                values.Add(reader.Read() ? valueOf(reader) : null);
            }
        }
        while (reader.NextResult());
        return values;
    }

    /// <summary>Whether a value is neither null, false, zero nor empty. Text counts as the number that it is: SQLite gives many numbers as text.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        bool truth => truth,
        string text => !IsFalse(text.Trim()),
        char letter => IsTrue(letter.ToString()),
        DateTime => true,
        TimeSpan time => time != TimeSpan.Zero,
        BigInteger number => !number.IsZero,
        IConvertible number and not DBNull => Convert.ToDouble(number, CultureInfo.InvariantCulture) != 0,
        _ => !IsNothing(value),
    };

    /// <summary>Whether there is no value, or one without anything in it.</summary>
    public static bool IsNothing(object? value) => value is null or DBNull or ICollection { Count: 0 };

    private static bool IsFalse(string text) =>
        text.Length == 0
        || text.Equals("false", StringComparison.OrdinalIgnoreCase)
        || (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number == 0);
}
