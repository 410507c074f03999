using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>
/// The write-ahead log of PostgreSQL clusters in a repository: one object a file, under the number that <c>initdb</c> gave
/// the cluster, so that two clusters never mix.
/// </summary>
public sealed class WalArchive(Repository repository)
{
    private const string Folder = "wal/";

    /// <summary>So many files must wait before the next ones are archived without being asked for.</summary>
    private const int Behind = 3;

    /// <summary>As many as the server asks for in one round.</summary>
    private const int MostAhead = 64;
    private const int RemoteAtOnce = 8;

    /// <summary>The server waits for this process, also when it is to stop.</summary>
    private static readonly TimeSpan LongestAhead = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Archives one file of the log. It is safe to repeat: the same file twice is stored once. Of a timeline that branched off
    /// another one, the histories come with its first file: a server that was promoted while it did not archive never hands
    /// them over, and without them no recovery finds the timeline.
    /// </summary>
    /// <param name="path">The file: <c>%p</c> of <c>archive_command</c>. Its name says which part of the log it is.</param>
    /// <param name="dataDirectory">The data directory, in which the server runs the command.</param>
    /// <returns>True where it was stored, false where it was there already.</returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.WalConflict"/>: the archive holds other content under this name, or another history of this
    /// timeline, or the segment is not the one that its name says, or belongs to another cluster. Also
    /// <see cref="ErrorCode.PathNotFound"/>, and failures of the store.
    /// </exception>
    public bool Push(string path, string dataDirectory)
    {
        ArgumentNullException.ThrowIfNull(path);
        var file = WalFile.Parse(Path.GetFileName(path));
        var content = Read(path);
        var system = SystemOf(file, content, path, dataDirectory);
        var name = ObjectName(system, file);
        new TimelineTail(this, system).PushBefore(file, content, path);

        // Where files wait, this one may have gone ahead already: looking is cheaper than compressing it once more.
        return Waiting(path).Count > 0 && SealedFile.Find(repository, name) is { } ahead
            ? RequireSame(ahead, content, path)
            : Store(name, content, path);
    }

    /// <summary>Whether a file with this content is archived already.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.WalConflict"/>: there is another one under its name.</exception>
    internal bool Holds(ulong system, WalFile file, byte[] content, string path)
    {
        if (SealedFile.Find(repository, ObjectName(system, file)) is not { } known)
        {
            return false;
        }

        RequireSame(known, content, Path.Combine(Path.GetDirectoryName(path) ?? "", file.Name));
        return true;
    }

    /// <summary>Archives a file of which it is known to which cluster it belongs.</summary>
    internal bool PushKnown(ulong system, WalFile file, byte[] content, string folder) => Store(ObjectName(system, file), content, Path.Combine(folder, file.Name));

    private bool Store(string name, byte[] content, string path) =>
        SealedFile.Create(repository, name, content) || RequireSame(SealedFile.Find(repository, name), content, path);

    /// <summary>
    /// Archives what the server will hand over next, where it has fallen behind: several files at once, so that a slow store
    /// is waited for once and not for each. The server then hands each over as always, and finds it there.
    /// </summary>
    /// <param name="path">The file that was just archived.</param>
    /// <param name="dataDirectory">The data directory.</param>
    /// <param name="cancellation">Ends it; what is not archived is handed over again.</param>
    /// <returns>How many files were archived.</returns>
    /// <exception cref="MaintenanceException">As <see cref="Push"/>.</exception>
    public int PushAhead(string path, string dataDirectory, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        var waiting = Waiting(path);
        if (waiting.Count < Behind)
        {
            return 0;
        }

        var count = 0;
        var watch = Stopwatch.StartNew();
        var options = new ParallelOptions { MaxDegreeOfParallelism = repository.Store.IsRemote ? RemoteAtOnce : Environment.ProcessorCount, CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(waiting.Take(MostAhead), options, file =>
            {
                if (watch.Elapsed < LongestAhead && Push(Path.Combine(Path.GetDirectoryName(path) ?? "", file), dataDirectory))
                {
                    Interlocked.Increment(ref count);
                }
            });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }

        return count;
    }

    /// <summary>The files that the server has marked as ready, in the order in which it will hand them over, without the given one.</summary>
    private static List<string> Waiting(string path)
    {
        const string Ready = ".ready";
        var marks = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, "archive_status");
        return Directory.Exists(marks)
            ? [.. Directory.EnumerateFiles(marks, "*" + Ready).Select(f => Path.GetFileName(f)[..^Ready.Length]).Where(n => n != Path.GetFileName(path) && WalFile.TryParse(n, out _)).Order(StringComparer.Ordinal)]
            : [];
    }

    /// <returns>False, because it is there already.</returns>
    private bool RequireSame(SealedFileFacts? known, byte[] content, string path) =>
        known is not null && known.Size == content.Length && SHA256.HashData(content).AsSpan().SequenceEqual(known.Hash)
            ? false
            : throw new MaintenanceException(
                ErrorCode.WalConflict,
                path.EndsWith(".history", StringComparison.Ordinal)
                    ? $"{repository.Location} holds another history of timeline {WalFile.Parse(Path.GetFileName(path)).Timeline}: two servers were promoted to the same timeline. Only one of them may archive here; give the other one a repository of its own."
                    : $"{repository.Location} holds another '{Path.GetFileName(path)}' of this cluster. Was a copy of the cluster started that archives to the same place? Give each its own repository.",
                path);

    /// <summary>Brings one file of the log back.</summary>
    /// <param name="name">The name: <c>%f</c> of <c>restore_command</c>.</param>
    /// <param name="destination">Where to: <c>%p</c>. It appears whole or not at all.</param>
    /// <param name="system">The cluster's number.</param>
    /// <returns>False where the archive does not have it: the end of the log, which recovery asks for too.</returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.WalMissing"/>: it is not archived, and what follows it is, so that this is not the end of the
    /// log; a server that took it for that would lose what follows. Also <see cref="ErrorCode.SnapshotDamaged"/>, and
    /// failures of the store or the disk.
    /// </exception>
    public bool Fetch(string name, string destination, ulong system)
    {
        ArgumentNullException.ThrowIfNull(destination);
        return Fetch(name, destination, system, Path.GetDirectoryName(Path.GetFullPath(destination))!);
    }

    /// <param name="name">The name.</param>
    /// <param name="destination">Where to.</param>
    /// <param name="system">The cluster's number.</param>
    /// <param name="own">The folder in which the server has its own log.</param>
    /// <param name="look">Looks at the content before it is written; what it throws ends the recovery.</param>
    internal bool Fetch(string name, string destination, ulong system, string own, Action<byte[]>? look = null)
    {
        var file = WalFile.Parse(name);
        if (SealedFile.Read(repository, ObjectName(system, file)) is not { } content)
        {
            return !file.IsSegment || IsElsewhere(file, own) || !new WalEnd(repository, system).IsBehind(file)
                ? false
                : throw new MaintenanceException(ErrorCode.WalMissing, $"'{name}' of cluster {system} is not in {repository.Location}, and later segments are. A recovery cannot pass it: choose a moment before it.", name);
        }

        look?.Invoke(content);
        var temporary = destination + ".mops";
        try
        {
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, destination, overwrite: true);
            return true;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            File.Delete(temporary);
            throw IoErrors.Wrap(e, "write", destination);
        }
    }

    /// <summary>
    /// Whether the server has the segment itself, as one that came with its base backup, or is a standby, which asks its
    /// primary next.
    /// </summary>
    private static bool IsElsewhere(WalFile file, string own)
    {
        if (File.Exists(Path.Combine(own, "..", "standby.signal")))
        {
            return true;
        }

        try
        {
            using var handle = File.OpenHandle(Path.Combine(own, file.Name));
            Span<byte> head = stackalloc byte[64];
            return file.IsIn(head[..RandomAccess.Read(handle, head, 0)]);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return false;
        }
    }

    /// <summary>The number of the cluster in a data directory.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/> or <see cref="ErrorCode.AccessDenied"/>.</exception>
    public static ulong SystemOf(string dataDirectory) => ControlFile.SystemOf(dataDirectory);

    /// <summary>The numbers of the clusters that archive here.</summary>
    public IReadOnlyList<ulong> Systems() =>
        [.. repository.Store.List(Folder).Select(o => SystemOfName(o.Name)).OfType<ulong>().Distinct().Order()];

    /// <summary>The files of a cluster's log with the bytes that each takes, in the order of their names.</summary>
    internal IReadOnlyList<(WalFile File, StoredObject Stored)> Files(ulong system)
    {
        var prefix = FolderOf(system);
        var files = new List<(WalFile, StoredObject)>();
        foreach (var stored in repository.Store.List(prefix))
        {
            if (WalFile.TryParse(stored.Name[(stored.Name.LastIndexOf('/') + 1)..], out var file) && ObjectName(system, file) == stored.Name)
            {
                files.Add((file, stored));
            }
        }

        return [.. files.OrderBy(f => f.Item1.Name, StringComparer.Ordinal)];
    }

    /// <summary>What is archived of a cluster, by timeline.</summary>
    /// <param name="system">The cluster's number.</param>
    /// <param name="segmentSize">The size of its segments in bytes, where a base backup tells it.</param>
    /// <param name="unreadable">Told of a history that is damaged; without it, that is an error.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    internal WalTimelines Timelines(ulong system, long? segmentSize, Action<MaintenanceException>? unreadable = null)
    {
        var files = Files(system);
        var size = segmentSize is > 0 ? segmentSize.Value : SizeOf(files.Select(f => f.File).FirstOrDefault(f => f.IsSegment));
        return new WalTimelines(files, size, ReadHistory);

        long SizeOf(WalFile file) => file.Name is null ? WalFile.UsualSize : SealedFile.Find(repository, ObjectName(system, file))?.Size ?? WalFile.UsualSize;

        byte[]? ReadHistory(WalFile file)
        {
            try
            {
                return SealedFile.Read(repository, ObjectName(system, file));
            }
            catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged && unreadable is not null)
            {
                unreadable(e);
                return null;
            }
        }
    }

    /// <summary>Reads one segment's records; null where it is not archived.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    internal WalSegment? Segment(ulong system, WalFile file) =>
        SealedFile.Read(repository, ObjectName(system, file)) is { } content ? WalSegment.Read(content) : null;

    /// <summary>Brings another repository what it lacks of a cluster's log from a segment on, each file checked on the way.</summary>
    /// <returns>The bytes that it added there.</returns>
    internal long CopyTo(Repository other, ulong system, string from, CancellationToken cancellation)
    {
        var first = WalFile.Parse(from);
        var there = new WalArchive(other).Files(system).Select(f => f.File).ToHashSet();
        var files = Files(system).Where(f => !there.Contains(f.File)).ToList();
        if (files.Count == 0)
        {
            return 0;
        }

        long added = 0;
        foreach (var (file, stored) in files.Where(f => f.File.IsHistory || f.File.IsAtOrAfter(first)))
        {
            cancellation.ThrowIfCancellationRequested();
            var name = ObjectName(system, file);
            if (SealedFile.Read(repository, name) is { } content && SealedFile.Create(other, name, content))
            {
                added += stored.Size;
            }
        }

        return added;
    }

    internal static string ObjectName(ulong system, WalFile file) => FolderOf(system, file.Timeline) + file.Name;

    internal static string FolderOf(ulong system, uint timeline) => $"{FolderOf(system)}{timeline:X8}/";

    internal static string FolderOf(ulong system) => string.Create(CultureInfo.InvariantCulture, $"{Folder}{system}/");

    private static ulong? SystemOfName(string name) =>
        name.Split('/') is [_, var system, _, _] && ulong.TryParse(system, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new MaintenanceException(ErrorCode.PathNotFound, $"There is no '{path}'. Give %p, and run it in the data directory.", path, e);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", path);
        }
    }

    private static ulong SystemOf(WalFile file, ReadOnlySpan<byte> content, string path, string dataDirectory)
    {
        if (!file.IsSegment)
        {
            return ControlFile.SystemOf(dataDirectory);
        }

        if (WalFile.Identify(content) is not { } identity || identity.SegmentSize != content.Length)
        {
            throw new MaintenanceException(ErrorCode.WalConflict, $"'{path}' is not a whole segment of a PostgreSQL log: {content.Length} bytes that do not begin like one.", path);
        }

        if (!file.IsIn(content))
        {
            // A server prepares files for later segments, which hold old content until they are written.
            throw new MaintenanceException(ErrorCode.WalConflict, $"'{path}' holds the log from {Lsn.Format(identity.Start)} of timeline {identity.Timeline} on, which is not what its name says.", path);
        }

        if (File.Exists(Path.Combine(dataDirectory, ControlFile.Name)) && ControlFile.SystemOf(dataDirectory) is var here && here != identity.System)
        {
            throw new MaintenanceException(ErrorCode.WalConflict, $"'{path}' belongs to cluster {identity.System}, and '{dataDirectory}' is cluster {here}.", path);
        }

        return identity.System;
    }
}
