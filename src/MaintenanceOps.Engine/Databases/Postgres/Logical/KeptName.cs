using System.Globalization;
using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>The name under which something that is replaced stays beside what replaces it.</summary>
internal static class KeptName
{
    /// <summary>The longest name that PostgreSQL keeps, in bytes.</summary>
    public const int Longest = 63;

    /// <summary>What is put behind each name that one restore moves aside.</summary>
    public static string Suffix() => $"_before_{DateTime.UtcNow.ToString("yyyyMMdd_HHmmss", CultureInfo.InvariantCulture)}";

    /// <summary>The name with a suffix, cut where it is too long, and another one where it is taken.</summary>
    public static string Of(string name, string suffix, Func<string, bool> isTaken)
    {
        for (var number = 1; ; number++)
        {
            var end = number == 1 ? suffix : $"{suffix}_{number.ToString(CultureInfo.InvariantCulture)}";
            var kept = PostgresServer.Shorten(name, Longest - Encoding.UTF8.GetByteCount(end)) + end;
            if (!isTaken(kept))
            {
                return kept;
            }
        }
    }
}
