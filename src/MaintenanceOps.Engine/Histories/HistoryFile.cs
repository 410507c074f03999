using System.Text;
using System.Text.Json;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Histories;

/// <summary>
/// What was seen of one thing, a line of JSON each, the oldest first. Evidence and not money: a line that was cut off by a crash, or
/// that somebody broke, is passed over and counted.
/// </summary>
/// <param name="path">The file.</param>
/// <param name="format">What a line holds.</param>
internal sealed class HistoryFile<T>(string path, HistoryFormat<T> format)
    where T : class
{
    /// <summary>At one look a minute about three months.</summary>
    private const long MostBytes = 24L << 20;

    private const long KeptBytes = 16L << 20;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The last lines, the oldest first.</summary>
    /// <param name="bytes">How far back from the end at most.</param>
    public List<T> Tail(int bytes)
    {
        using var file = OpenToRead();
        if (file is null)
        {
            return [];
        }

        var start = Math.Max(0, file.Length - bytes);
        file.Position = start;
        return [.. Entries(file, startsInside: start > 0).OfType<T>()];
    }

    /// <summary>All of them, the oldest first; null for a line that cannot be read. Of a file longer than any of ours the end counts.</summary>
    public IEnumerable<T?> Read()
    {
        using var file = OpenToRead();
        if (file is not null)
        {
            var start = Math.Max(0, file.Length - MostBytes);
            file.Position = start;
            foreach (var entry in Entries(file, startsInside: start > 0))
            {
                yield return entry;
            }
        }
    }

    /// <summary>Adds one. The folder's lock is held.</summary>
    public void Append(T entry)
    {
        try
        {
            Shorten();
            using var file = Open(path);
            LineFile.Append(file, [.. JsonSerializer.SerializeToUtf8Bytes(entry, format.Json), (byte)'\n']);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "write", path);
        }
    }

    private static FileStream Open(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return new FileStream(path, options);
    }

    private FileStream? OpenToRead()
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", path);
        }
    }

    /// <summary>Drops the oldest lines of a long history, by a file of its own that takes the place of this one.</summary>
    private void Shorten()
    {
        if (!File.Exists(path) || new FileInfo(path).Length <= MostBytes)
        {
            return;
        }

        var temporary = path + ".tmp";
        File.Delete(temporary);
        using (var file = Open(path))
        using (var kept = Open(temporary))
        {
            file.Position = file.Length - KeptBytes;
            while (file.ReadByte() is not '\n' and not -1)
            {
                // Up to the first whole line.
            }

            file.CopyTo(kept);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private IEnumerable<T?> Entries(FileStream file, bool startsInside)
    {
        using var reader = new StreamReader(file, Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        if (startsInside)
        {
            reader.ReadLine();
        }

        while (reader.ReadLine() is { } line)
        {
            yield return Parse(line);
        }
    }

    private T? Parse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, format.Json) is { } entry && format.IsSensible(entry) ? entry : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
