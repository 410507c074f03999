using System.Buffers.Binary;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>What <c>global/pg_control</c> tells without a server: which cluster a data directory belongs to.</summary>
internal static class ControlFile
{
    public const string Name = "global/pg_control";

    /// <summary>The system identifier: the first eight bytes, in the machine's own order.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/> or <see cref="ErrorCode.AccessDenied"/>.</exception>
    public static ulong SystemOf(string dataDirectory)
    {
        var path = Path.Combine(dataDirectory, "global", "pg_control");
        try
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Span<byte> head = stackalloc byte[8];
            return RandomAccess.Read(file, head, 0) == head.Length && BinaryPrimitives.ReadUInt64LittleEndian(head) is > 0 and var system
                ? system
                : throw NotThere(path, null);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw NotThere(path, e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new MaintenanceException(ErrorCode.AccessDenied, $"'{path}' cannot be read. Run it as the server's own user.", path, e);
        }
    }

    private static MaintenanceException NotThere(string path, Exception? inner) => new(
        ErrorCode.PathNotFound,
        $"'{path}' is not there or empty. PostgreSQL runs archive and restore commands in its data directory; elsewhere name the cluster's number with --cluster.",
        path,
        inner);
}
