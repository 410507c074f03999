using System.Globalization;

namespace MaintenanceOps.Engine.Health;

/// <summary>
/// A number exactly as it is written: 12345678901234567890 is not 12345678901234567891, 1e3 is 1000, and 0.10 is 0.1. A
/// double would take the first two for the same.
/// </summary>
/// <param name="IsNegative">Below zero; zero itself never is.</param>
/// <param name="Digits">The digits from the first to the last that is not 0; empty for zero.</param>
/// <param name="Point">How many digits stand before the decimal point, as if the number began with <see cref="Digits"/>.</param>
internal readonly record struct DecimalNumber(bool IsNegative, string Digits, long Point) : IComparable<DecimalNumber>
{
    /// <summary>An exponent beyond this belongs to no measured thing, and sums with it stay within 64 bits.</summary>
    private const long MaxExponent = 1_000_000_000;

    public static bool operator <(DecimalNumber a, DecimalNumber b) => a.CompareTo(b) < 0;

    public static bool operator >(DecimalNumber a, DecimalNumber b) => a.CompareTo(b) > 0;

    public static bool operator <=(DecimalNumber a, DecimalNumber b) => a.CompareTo(b) <= 0;

    public static bool operator >=(DecimalNumber a, DecimalNumber b) => a.CompareTo(b) >= 0;

    /// <summary>Reads <c>-12.5e3</c> and its like, with spaces around it; null where the text is not a number.</summary>
    public static DecimalNumber? Parse(string text)
    {
        var rest = text.AsSpan().Trim();
        var isNegative = rest is ['-', ..];
        rest = rest is ['-' or '+', ..] ? rest[1..] : rest;
        if (rest is "Infinity")
        {
            return new DecimalNumber(isNegative, "1", long.MaxValue);
        }

        long exponent = 0;
        if (rest.IndexOfAny('e', 'E') is >= 0 and var e)
        {
            if (!long.TryParse(rest[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || exponent is > MaxExponent or < -MaxExponent)
            {
                return null;
            }

            rest = rest[..e];
        }

        var point = rest.IndexOf('.');
        var before = point < 0 ? rest : rest[..point];
        var after = point < 0 ? [] : rest[(point + 1)..];
        if (before.Length + after.Length == 0 || before.ContainsAnyExceptInRange('0', '9') || after.ContainsAnyExceptInRange('0', '9'))
        {
            return null;
        }

        var digits = string.Concat(before, after);
        var first = digits.AsSpan().IndexOfAnyExcept('0');
        return first < 0
            ? new DecimalNumber(false, "", 0)
            : new DecimalNumber(isNegative, digits.TrimStart('0').TrimEnd('0'), before.Length - first + exponent);
    }

    public int CompareTo(DecimalNumber other)
    {
        if (Sign != other.Sign)
        {
            return Sign.CompareTo(other.Sign);
        }

        var size = Point != other.Point ? Point.CompareTo(other.Point) : string.CompareOrdinal(Digits, other.Digits);
        return IsNegative ? -size : size;
    }

    private int Sign => Digits.Length == 0 ? 0 : IsNegative ? -1 : 1;
}
