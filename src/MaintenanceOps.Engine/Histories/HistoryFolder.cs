using System.Security.Cryptography;
using System.Text;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Histories;

/// <summary>The histories of several things in one folder, a file for each.</summary>
/// <param name="folder">The folder; it is made when something is remembered.</param>
/// <param name="format">What a line holds.</param>
internal sealed class HistoryFolder<T>(string folder, HistoryFormat<T> format)
    where T : class
{
    private const string Extension = ".jsonl";

    /// <summary>Room for what the next entry depends on, at the longest lines.</summary>
    private const int TailBytes = 64 * 1024;

    private readonly Lock writing = new();

    /// <summary>All of them.</summary>
    public IEnumerable<HistoryFile<T>> Files => Directory.Exists(folder)
        ? Directory.EnumerateFiles(folder, "*" + Extension).Order(StringComparer.Ordinal).Select(path => new HistoryFile<T>(path, format))
        : [];

    /// <summary>Adds an entry that may depend on the last ones.</summary>
    /// <param name="key">What the history is kept under.</param>
    /// <param name="entry">Makes the entry of the last ones, the oldest first.</param>
    /// <param name="cancellation">Ends the waiting for others that write.</param>
    /// <exception cref="MaintenanceException">The folder or file cannot be written.</exception>
    public void Append(string key, Func<IReadOnlyList<T>, T> entry, CancellationToken cancellation)
    {
        // What one run sees comes from many threads; the lock between processes is for one of them.
        lock (writing)
        {
            StateFolder.Make(folder);
            using var held = FileLock.Take(Path.Combine(folder, ".lock"), $"the history in '{folder}'", cancellation);
            var file = File(key);
            file.Append(entry(file.Tail(TailBytes)));
        }
    }

    /// <summary>The last ones, the oldest first.</summary>
    public List<T> Last(string key) => File(key).Tail(TailBytes);

    /// <summary>All, the oldest first; null for a line that cannot be read.</summary>
    public IEnumerable<T?> All(string key) => File(key).Read();

    private HistoryFile<T> File(string key) => new(Path.Combine(folder, FileName(key)), format);

    /// <summary>A name that any file system bears, and that no other key has.</summary>
    private static string FileName(string key)
    {
        var readable = new string([.. key.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' ? c : '_').Take(60)]).TrimStart('.');
        return $"{readable}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)).AsSpan(0, 4))}{Extension}";
    }
}
