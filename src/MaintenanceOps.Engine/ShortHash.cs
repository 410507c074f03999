using System.Security.Cryptography;
using System.Text;

namespace MaintenanceOps.Engine;

/// <summary>A few digits that tell two texts apart without telling what they say.</summary>
internal static class ShortHash
{
    public static string Of(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 3));
}
