using System.Buffers.Binary;
using System.Formats.Tar;
using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>Takes the members of the archive in, and remembers of each what the server's list says too.</summary>
internal sealed partial class ArchiveTaker(StreamedTree tree, Action<long> progress)
{
    private const int FileMode = 0xf000;
    private const int PrivateFolder = 0x1c0;
    private readonly Dictionary<string, (long Size, string Checksum)> found = new(StringComparer.Ordinal);
    private readonly HashSet<string> folders = new(StringComparer.Ordinal);
    private byte[]? list;

    /// <summary>Where a recovery begins to read the log, from <c>backup_label</c>.</summary>
    public string StartSegment { get; private set; } = "";

    public void Take(IBaseBackupFeed feed, CancellationToken cancellation)
    {
        try
        {
            foreach (var archive in feed.Archives())
            {
                Take(archive, cancellation);
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or IOException or FormatException)
        {
            feed.ThrowIfFailed();
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"The server's archive cannot be read: {e.Message}", "backup", e);
        }

        list ??= feed.List;
    }

    private void Take(BaseBackupArchive archive, CancellationToken cancellation)
    {
        var folder = archive.Tablespace is { } tablespace ? $"{tablespace.Path}/" : "";
        using var reader = new TarReader(archive.Content, leaveOpen: true);
        while (reader.GetNextEntry() is { } member)
        {
            cancellation.ThrowIfCancellationRequested();
            Take(member, folder);
            progress(tree.Size);
        }
    }

    /// <summary>Compares what came with the server's list.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>.</exception>
    public BackupManifest Verify()
    {
        var manifest = BackupManifest.Parse(list ?? throw new MaintenanceException(ErrorCode.ClientToolFailed, "The archive ends without the server's list of files, so it is not whole.", BackupManifest.Name));
        foreach (var (path, expected) in manifest.Files)
        {
            if (!found.TryGetValue(path, out var actual) || actual != expected)
            {
                throw new MaintenanceException(
                    ErrorCode.ClientToolFailed,
                    $"'{path}' {(actual.Checksum is null ? "did not arrive" : $"arrived with {actual.Size} bytes and another content than the {expected.Size} bytes that the server read")}. No snapshot was taken.",
                    path);
            }
        }

        return StartSegment.Length > 0 && found.ContainsKey(ControlFile.Name)
            ? manifest
            : throw new MaintenanceException(ErrorCode.ClientToolFailed, "The archive has no backup_label or no pg_control. No snapshot was taken.", "backup_label");
    }

    private void Take(TarEntry member, string folder)
    {
        // No archive names the data directory itself, which no server accepts with other rights.
        AddFolder("", PrivateFolder, member.Uid, member.Gid, member.ModificationTime);
        var path = member.Name.TrimEnd('/');
        path = folder + (path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path is "." ? "" : path);
        switch (member.EntryType)
        {
            case TarEntryType.Directory:
                AddFolder(path, (int)member.Mode, member.Uid, member.Gid, member.ModificationTime);
                break;
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                TakeFile(member, path);
                break;
            case TarEntryType.SymbolicLink when path.StartsWith("pg_tblspc/", StringComparison.Ordinal):
                // What it leads to is an archive of its own; the restore says where that goes.
                AddFolder(path, PrivateFolder, member.Uid, member.Gid, member.ModificationTime);
                break;
            case TarEntryType.SymbolicLink:
                tree.Add(Describe(member, path, EntryKind.Link) with { Target = member.LinkName });
                break;
            default:
                throw new InvalidDataException($"'{path}' is a {member.EntryType}, which no cluster has.");
        }
    }

    private void TakeFile(TarEntry member, string path)
    {
        var entry = Describe(member, path, EntryKind.File);
        var sum = new Crc32C();
        var content = member.DataStream ?? Stream.Null;
        if (path is BackupManifest.Name or "backup_label")
        {
            var bytes = new byte[member.Length];
            content.ReadExactly(bytes);
            content = new MemoryStream(bytes);
            Look(path, bytes);
        }

        // Tables and indexes change by the page; everything else is cut where its content says so.
        var size = TableFile().IsMatch(path) ? tree.AddPages(entry, content, 8192, sum) : tree.AddFile(entry, content, sum);
        found[path] = (size, Hex(sum.Value));
    }

    private void Look(string path, byte[] bytes)
    {
        if (path == BackupManifest.Name)
        {
            list = bytes;
        }
        else
        {
            StartSegment = StartLine().Match(System.Text.Encoding.UTF8.GetString(bytes)).Groups[1].Value;
        }
    }

    private void AddFolder(string path, int mode, int user, int group, DateTimeOffset modified)
    {
        if (folders.Add(path))
        {
            tree.Add(new FileEntry { Path = path, Kind = EntryKind.Folder, Mode = mode & ~FileMode, User = user, Group = group, Modified = FileTime.Of(modified) });
        }
    }

    private static FileEntry Describe(TarEntry member, string path, EntryKind kind) => new()
    {
        Path = path,
        Kind = kind,
        Mode = (int)member.Mode & ~FileMode,
        User = member.Uid,
        Group = member.Gid,
        Modified = FileTime.Of(member.ModificationTime),
    };

    /// <summary>As the server writes it: the bytes of the number, the lowest first.</summary>
    private static string Hex(uint sum)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, sum);
        return Convert.ToHexStringLower(bytes);
    }


    [GeneratedRegex(@"^(base/[0-9]+|global|pg_tblspc/[0-9]+/[^/]+/[0-9]+)/[0-9]+(_[a-z]+)?(\.[0-9]+)?$")]
    private static partial Regex TableFile();

    [GeneratedRegex(@"START WAL LOCATION: [0-9A-F/]+ \(file ([0-9A-F]{24})\)")]
    private static partial Regex StartLine();
}
