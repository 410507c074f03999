using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>The hash of a whole content: SHA-256 over the digests of its blocks in order.</summary>
internal static class ContentHash
{
    public static string Of(ReadOnlySpan<BlockDigest> digests) =>
        Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(digests)));
}
