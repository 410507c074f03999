using System.Globalization;
using System.Text.Json;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// What the server says it has sent: <c>backup_manifest</c>, of which every file is compared with what arrived. Its shape
/// is in "Backup Manifest Format" of PostgreSQL's manual.
/// </summary>
internal sealed class BackupManifest
{
    public const string Name = "backup_manifest";

    private BackupManifest(Dictionary<string, (long Size, string Checksum)> files, uint timeline, string startLsn, string endLsn)
    {
        Files = files;
        Timeline = timeline;
        StartLsn = startLsn;
        EndLsn = endLsn;
    }

    /// <summary>By path below the data directory; the checksum is CRC-32C in lower-case digits.</summary>
    public IReadOnlyDictionary<string, (long Size, string Checksum)> Files { get; }

    public uint Timeline { get; }

    public string StartLsn { get; }

    public string EndLsn { get; }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>: it is not whole.</exception>
    public static BackupManifest Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var files = new Dictionary<string, (long, string)>(StringComparer.Ordinal);
            foreach (var file in document.RootElement.GetProperty(nameof(Files)).EnumerateArray())
            {
                // Names that are no UTF-8 come as digits.
                var path = file.TryGetProperty("Path", out var plain)
                    ? plain.GetString()!
                    : Engine.Files.PathCodec.Decode(Convert.FromHexString(file.GetProperty("Encoded-Path").GetString()!));
                var checksum = file.TryGetProperty("Checksum", out var sum) ? sum.GetString()! : "";
                files[path] = (file.GetProperty("Size").GetInt64(), checksum.ToLowerInvariant());
            }

            // The last range is the timeline that the backup ended on.
            var ranges = document.RootElement.GetProperty("WAL-Ranges");
            var (first, last) = (ranges[0], ranges[ranges.GetArrayLength() - 1]);
            return new BackupManifest(files, last.GetProperty(nameof(Timeline)).GetUInt32(), first.GetProperty("Start-LSN").GetString()!, last.GetProperty("End-LSN").GetString()!);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"The server's list of the files that it sent cannot be read: {e.Message}", Name, e);
        }
    }
}
