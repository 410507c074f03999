using System.Buffers.Binary;
using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>
/// Takes a whole running cluster: <c>pg_basebackup</c> sends it as one archive, which is cut into pages and stored without
/// lying on a disk. The log that makes it consistent comes with it; each file is compared with the server's own list, and
/// the server itself checks the pages' checksums on the way.
/// </summary>
public sealed partial class PostgresBaseBackup(Repository repository, IOperationSink sink)
{
    private const int FileMode = 0xf000;
    private const int PrivateFolder = 0x1c0;

    /// <summary>Backs up the cluster.</summary>
    /// <param name="connectionString">A user with the right to replicate, and any database.</param>
    /// <param name="tools">Where the client programs are.</param>
    /// <param name="options">Name and tags.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>The committed snapshot.</returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.ServerUnavailable"/>, <see cref="ErrorCode.ClientToolUnfit"/>,
    /// <see cref="ErrorCode.ClientToolFailed"/>: what arrived is not what the server sent; or the repository fails.
    /// </exception>
    public Snapshot Run(string connectionString, ClientToolOptions tools, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        using var server = PostgresServer.Connect(connectionString);
        try
        {
            return Run(server, tools, options, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    private Snapshot Run(PostgresServer server, ClientToolOptions tools, BackupOptions options, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        using var lease = repository.Share($"backup of {options.Source}", cancellation);
        var catalog = new SnapshotCatalog(repository);
        var parent = catalog.Parent(options.Source, SnapshotKind.PostgresPhysical);
        if (parent?.Manifest.Postgres is { } before && before.System != server.System)
        {
            sink.Warn($"'{options.Source}' was cluster {before.System} before and is cluster {server.System} now. Give another -Source if it is another cluster.");
        }

        RequireNoTablespaces(server);
        var databases = server.Rows(
            "SELECT datname, pg_database_size(oid) FROM pg_database WHERE datallowconn ORDER BY datname",
            r => new PostgresDatabase { Name = r.GetString(0), Size = r.GetInt64(1) });
        var segmentSize = server.Scalar<long>("SELECT pg_size_bytes(current_setting('wal_segment_size'))");
        var taken = repository.Time.GetUtcNow();
        using var tree = new StreamedTree(repository, cancellation);
        using var process = new ClientTools(tools, server).Start(
            "pg_basebackup",
            ["--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--no-password", "--manifest-checksums=CRC32C", "--label", $"mops {options.Source}"],
            cancellation);
        var taker = new ArchiveTaker(tree, n => sink.Progress($"Backing up {options.Source}", n, databases.Sum(d => d.Size)));
        taker.Take(process, cancellation);
        process.Finish(cancellation);
        var manifest = taker.Verify();
        var ended = server.Scalar<DateTime>("SELECT now() AT TIME ZONE 'UTC'");
        var result = tree.Finish();
        lease.Assert();
        var committed = new Manifest
        {
            Source = options.Source,
            Kind = SnapshotKind.PostgresPhysical,
            Created = taken,
            ElapsedSeconds = watch.Elapsed.TotalSeconds,
            Origin = server.Describe(),
            Host = Environment.MachineName,
            Set = options.SetId,
            Parent = parent?.Id ?? "",
            Tags = [.. options.Tags],
            Size = result.Size,
            StoredSize = result.StoredSize,
            ContentHash = result.ContentHash,
            Map = result.Map,
            Verified = VerificationLevel.Quick,
            FileCount = result.Count,
            Tool = ToolVersion.Text,
            Nonce = Guid.NewGuid().ToString("N"),
            Postgres = new PostgresFacts
            {
                System = server.System,
                Version = server.Version,
                Databases = [.. databases],
                Base = new BaseBackupFacts
                {
                    Timeline = manifest.Timeline,
                    StartLsn = manifest.StartLsn,
                    EndLsn = manifest.EndLsn,
                    StartSegment = taker.StartSegment,
                    SegmentSize = segmentSize,
                    Ended = new DateTimeOffset(DateTime.SpecifyKind(ended, DateTimeKind.Utc)),
                },
            },
        };
        return catalog.Describe(repository.Commit(committed), committed);
    }

    /// <summary>One archive cannot hold them; a backup without them would not start.</summary>
    private static void RequireNoTablespaces(PostgresServer server)
    {
        var spaces = server.Rows("SELECT spcname FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')", r => r.GetString(0));
        if (spaces.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"{server.Describe()} has tablespaces ({string.Join(", ", spaces)}), which a base backup cannot take along yet. Use -Method Logical.",
                server.Describe());
        }
    }

    /// <summary>Takes the members of the archive in, and remembers of each what the server's list says too.</summary>
    private sealed partial class ArchiveTaker(StreamedTree tree, Action<long> progress)
    {
        private readonly Dictionary<string, (long Size, string Checksum)> found = new(StringComparer.Ordinal);
        private readonly HashSet<string> folders = new(StringComparer.Ordinal);
        private byte[]? list;

        /// <summary>Where a recovery begins to read the log, from <c>backup_label</c>.</summary>
        public string StartSegment { get; private set; } = "";

        public void Take(ClientProcess process, CancellationToken cancellation)
        {
            try
            {
                using var archive = new TarReader(process.Output, leaveOpen: true);
                while (archive.GetNextEntry() is { } member)
                {
                    cancellation.ThrowIfCancellationRequested();
                    Take(member);
                    progress(tree.Size);
                }
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException or IOException or FormatException)
            {
                // What the program says is why; the broken archive is only what came of it.
                process.Finish(cancellation);
                throw new MaintenanceException(ErrorCode.ClientToolFailed, $"pg_basebackup wrote an archive that cannot be read: {e.Message}", "pg_basebackup", e);
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

        private void Take(TarEntry member)
        {
            // The archive does not name the data directory itself, which no server accepts with other rights.
            AddFolder("", PrivateFolder, member.Uid, member.Gid, member.ModificationTime);
            var path = member.Name.TrimEnd('/');
            path = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path is "." ? "" : path;
            switch (member.EntryType)
            {
                case TarEntryType.Directory:
                    AddFolder(path, (int)member.Mode, member.Uid, member.Gid, member.ModificationTime);
                    break;
                case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                    TakeFile(member, path);
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
                tree.Add(new FileEntry { Path = path, Kind = EntryKind.Folder, Mode = mode & ~FileMode, User = user, Group = group, Modified = Nanoseconds(modified) });
            }
        }

        private static FileEntry Describe(TarEntry member, string path, EntryKind kind) => new()
        {
            Path = path,
            Kind = kind,
            Mode = (int)member.Mode & ~FileMode,
            User = member.Uid,
            Group = member.Gid,
            Modified = Nanoseconds(member.ModificationTime),
        };

        /// <summary>As the server writes it: the bytes of the number, the lowest first.</summary>
        private static string Hex(uint sum)
        {
            Span<byte> bytes = stackalloc byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, sum);
            return Convert.ToHexStringLower(bytes);
        }

        private static long Nanoseconds(DateTimeOffset moment) => (moment - DateTimeOffset.UnixEpoch).Ticks * 100;

        [GeneratedRegex(@"^(base/[0-9]+|global)/[0-9]+(_[a-z]+)?(\.[0-9]+)?$")]
        private static partial Regex TableFile();

        [GeneratedRegex(@"START WAL LOCATION: [0-9A-F/]+ \(file ([0-9A-F]{24})\)")]
        private static partial Regex StartLine();
    }
}
