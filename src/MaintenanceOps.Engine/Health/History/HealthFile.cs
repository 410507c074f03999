using System.Security.Cryptography;
using System.Text;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Health.History;

/// <summary>
/// The looks of one check, a line each, the oldest first. Evidence and not money: a line that was cut off by a crash, or
/// that somebody broke, is passed over and counted.
/// </summary>
internal sealed class HealthFile(string path)
{
    public const string Extension = ".jsonl";

    /// <summary>At one look a minute about three months.</summary>
    private const long MostBytes = 24L << 20;

    private const long KeptBytes = 16L << 20;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static HealthFile Of(string folder, string name) => new(Path.Combine(folder, FileName(name)));

    /// <summary>The last lines, the oldest first.</summary>
    /// <param name="bytes">How far back from the end at most.</param>
    public List<HealthEntry> Tail(int bytes)
    {
        using var file = OpenToRead();
        if (file is null)
        {
            return [];
        }

        var start = Math.Max(0, file.Length - bytes);
        file.Position = start;
        return [.. Entries(file, startsInside: start > 0).OfType<HealthEntry>()];
    }

    /// <summary>All looks, the oldest first; null for a line that cannot be read. Of a file longer than any of ours the end counts.</summary>
    public IEnumerable<HealthEntry?> Read()
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

    /// <summary>Adds a look. The folder's lock is held.</summary>
    public void Append(HealthEntry entry)
    {
        try
        {
            Shorten();
            using var file = Open(path);
            file.Position = file.Length;
            if (EndsInside(file))
            {
                // A writer was killed in the middle: its half line must not swallow this one.
                file.WriteByte((byte)'\n');
            }

            file.Write(entry.Line());
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

    /// <summary>Drops the oldest looks of a long history, by a file of its own that takes the place of this one.</summary>
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

    private static bool EndsInside(FileStream file)
    {
        if (file.Length == 0)
        {
            return false;
        }

        file.Position = file.Length - 1;
        return file.ReadByte() != '\n';
    }

    private static IEnumerable<HealthEntry?> Entries(FileStream file, bool startsInside)
    {
        using var reader = new StreamReader(file, Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        if (startsInside)
        {
            reader.ReadLine();
        }

        while (reader.ReadLine() is { } line)
        {
            yield return HealthEntry.Parse(Encoding.UTF8.GetBytes(line));
        }
    }

    /// <summary>A name that any file system bears, and that no other check has.</summary>
    private static string FileName(string name)
    {
        var readable = new string([.. name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' ? c : '_').Take(60)]).TrimStart('.');
        return $"{readable}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 4))}{Extension}";
    }
}
