using System.Text.Json;
using System.Text.Json.Serialization;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Modes;

/// <summary>
/// The file that closes an application, and the history beside it. A web server looks only whether the file exists, so a
/// file that says nothing, or nonsense, closes as well; its leases are then none.
/// </summary>
internal sealed class MaintenanceFlag(string path)
{
    /// <summary>A web server and the application run as other users than whoever closes it, and may read why.</summary>
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>More is no flag of ours, whoever made it.</summary>
    private const int MostBytes = 1 << 20;

    /// <summary>Keeps others from changing it: two that read, change and write at once would lose a lease.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/>, <see cref="ErrorCode.AccessDenied"/>, <see cref="ErrorCode.InputOutput"/>.</exception>
    public IDisposable Lock(CancellationToken cancellation) => Directory.Exists(Path.GetDirectoryName(path))
        ? FileLock.Take(path + ".lock", $"maintenance mode at '{path}'", cancellation)
        : throw new MaintenanceException(ErrorCode.PathNotFound, $"The folder of the flag '{path}' does not exist. Make it, readable for the web server, or name another flag.", path);

    /// <summary>The leases in it; null where there is no flag.</summary>
    public List<MaintenanceLease>? Read()
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length > MostBytes)
            {
                return [];
            }

            return [.. JsonSerializer.Deserialize(file, ModesJson.Default.FlagContent)?.Leases?.Where(IsUsable).Select(l => l with { Reason = l.Reason ?? "", By = l.By ?? "", Silence = l.Silence ?? "" }) ?? []];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException)
        {
            return [];
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", path);
        }
    }

    /// <summary>Replaces the leases in one step; none take the flag away. The lock is held, so what a killed writer left may go.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: it would be too large to be read again, and so never end by itself.</exception>
    public void Write(IReadOnlyCollection<MaintenanceLease> leases)
    {
        var content = JsonSerializer.SerializeToUtf8Bytes(new FlagContent { Leases = [.. leases] }, ModesJson.Default.FlagContent);
        if (content.Length > MostBytes)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"The flag '{path}' would be larger than {ByteSize.Format(MostBytes)}. Give a shorter reason, or end leases that nobody needs.", path);
        }

        RequireFlag(isRemoved: leases.Count == 0);
        var temporary = path + ".tmp";
        var files = DurableFiles.Default;
        try
        {
            files.Delete(temporary);
            if (leases.Count == 0)
            {
                files.Delete(path);
            }
            else
            {
                using (var file = files.Create(temporary))
                {
                    files.Write(file, content, 0);
                    if (!OperatingSystem.IsWindows())
                    {
                        File.SetUnixFileMode(file, Readable);
                    }

                    files.Sync(file);
                }

                files.Rename(temporary, path, overwrite: true);
            }

            files.SyncDirectory(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            files.Delete(temporary);
            throw IoErrors.Wrap(e, "write", path);
        }
    }

    /// <summary>
    /// Refuses to write over, or to take away, what is no flag: a slip of the keyboard must not cost a database. A flag made by
    /// hand is empty, or says a few words in a line.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    private void RequireFlag(bool isRemoved)
    {
        const int FewWords = 256;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var content = new byte[Math.Min(file.Length, MostBytes)];
            file.ReadExactly(content);
            if (content.Length == 0 || IsContent(content))
            {
                return;
            }

            if (file.Length > FewWords || content.AsSpan().TrimEnd("\r\n"u8).ContainsAnyInRange((byte)0, (byte)31))
            {
                throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{path}' holds something else than a flag of maintenance mode, so it is neither written nor removed. Name another file.", path);
            }

            if (!isRemoved)
            {
                throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{path}' was made by hand and says something, so it is not written over: the application is closed until it is taken away. End that first, or empty the file.", path);
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // The usual case: the application is open.
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", path);
        }
    }

    private static bool IsContent(byte[] content)
    {
        try
        {
            return JsonSerializer.Deserialize(content, ModesJson.Default.FlagContent)?.Leases is not null;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>What happened to it, the oldest first. Lines that a killed writer left half written are passed over.</summary>
    /// <exception cref="MaintenanceException">It is there and cannot be read.</exception>
    public IReadOnlyList<MaintenanceModeEvent> History()
    {
        var events = new List<MaintenanceModeEvent>();
        try
        {
            using var file = new StreamReader(new FileStream(HistoryPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            while (file.ReadLine() is { } line)
            {
                if (Event(line) is { } change)
                {
                    events.Add(change);
                }
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // Nothing has happened yet.
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", HistoryPath);
        }

        return events;
    }

    /// <summary>Evidence, and not what decides: of a line that is none, nothing comes, and the others still count.</summary>
    private static MaintenanceModeEvent? Event(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ModesJson.Default.MaintenanceModeEvent) is { Lease: not null } change ? change : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Adds to the history, which must not keep an application closed: a failure is the caller's warning.</summary>
    /// <returns>What went wrong; null where nothing did.</returns>
    public string? Record(IEnumerable<MaintenanceModeEvent> changes)
    {
        try
        {
            using var file = new FileStream(HistoryPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            LineFile.Append(file, Lines(changes));
            return null;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return IoErrors.Wrap(e, "write", HistoryPath).Message;
        }
    }

    private static byte[] Lines(IEnumerable<MaintenanceModeEvent> changes)
    {
        using var lines = new MemoryStream();
        foreach (var change in changes)
        {
            JsonSerializer.Serialize(lines, change, ModesJson.Default.MaintenanceModeEvent);
            lines.WriteByte((byte)'\n');
        }

        return lines.ToArray();
    }

    private string HistoryPath => path + ".history";

    private static bool IsUsable(MaintenanceLease? lease) => lease is { Id.Length: > 0 };
}

/// <summary>What the flag file says.</summary>
internal sealed record FlagContent
{
    public MaintenanceLease[]? Leases { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(FlagContent))]
[JsonSerializable(typeof(MaintenanceModeEvent))]
internal sealed partial class ModesJson : JsonSerializerContext;
