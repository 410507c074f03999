using System.Globalization;

namespace MaintenanceOps;

/// <summary>Sizes as people read them.</summary>
public static class ByteSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

    /// <summary>A number of bytes with three digits and a binary unit, such as <c>12.3 MiB</c>.</summary>
    public static string Format(long bytes)
    {
        double value = Math.Abs(bytes);
        var unit = 0;
        while (value >= 1000 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        var sign = bytes < 0 ? "-" : "";
        var digits = unit == 0 || value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00";
        return $"{sign}{value.ToString(digits, CultureInfo.InvariantCulture)} {Units[unit]}";
    }
}
