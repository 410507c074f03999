using System.Globalization;
using System.Text;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Takes a base backup through a replication connection: no program in between, and tablespaces as archives of their own.
/// The messages are those of <c>BASE_BACKUP</c> since PostgreSQL 15.
/// </summary>
internal sealed class ReplicationFeed : IBaseBackupFeed
{
    /// <summary>The first version whose server sends all archives and the list in one stream.</summary>
    public const int OldestVersion = 150000;

    private readonly LibPq connection;
    private readonly CancellationTokenRegistration canceller;
    private readonly CancellationToken cancellation;
    private readonly PostgresServer server;
    private readonly List<TablespaceFacts> tablespaces = [];
    private readonly MessageStream content;

    public ReplicationFeed(PostgresServer server, string label, CancellationToken cancellation)
    {
        this.cancellation = cancellation;
        this.server = server;
        connection = LibPq.Connect(server);
        content = new MessageStream(this);
        canceller = cancellation.Register(connection.Cancel);
        try
        {
            // The log comes along, so the server need not wait until it is archived, which may never happen.
            connection.StartCopy($"BASE_BACKUP ( LABEL '{label.Replace("'", "''", StringComparison.Ordinal)}', CHECKPOINT 'fast', WAL true, WAIT false, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C' )");
        }
        catch (MaintenanceException)
        {
            Dispose();
            cancellation.ThrowIfCancellationRequested();
            throw;
        }
    }

    public byte[]? List { get; private set; }

    public IReadOnlyCollection<TablespaceFacts> Tablespaces => tablespaces;

    public IEnumerable<BaseBackupArchive> Archives()
    {
        while (content.NextHeader() is { } header)
        {
            switch (header[0])
            {
                case (byte)'n':
                    var words = Encoding.UTF8.GetString(header.AsSpan(1)).Split('\0');
                    yield return new BaseBackupArchive(words[0] == "base.tar" ? null : Tablespace(words[0], words.ElementAtOrDefault(1) ?? ""), content);
                    content.CopyTo(Stream.Null);
                    break;
                case (byte)'m':
                    using (var list = new MemoryStream())
                    {
                        content.CopyTo(list);
                        List = list.ToArray();
                    }

                    break;
                default:
                    throw new InvalidDataException($"The server sent a message '{(char)header[0]}', which no base backup has.");
            }
        }
    }

    public void ThrowIfFailed() => cancellation.ThrowIfCancellationRequested();

    public void Dispose()
    {
        canceller.Dispose();
        content.Dispose();
        connection.Dispose();
    }

    /// <summary>The tablespace of an archive, which may have been made since the backup began.</summary>
    private TablespaceFacts Tablespace(string archive, string location)
    {
        if (!archive.EndsWith(".tar", StringComparison.Ordinal) || !uint.TryParse(archive.AsSpan(0, archive.Length - 4), NumberStyles.None, CultureInfo.InvariantCulture, out var oid))
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"The server sent an archive '{archive}', which no base backup has.", archive);
        }

        var name = server.Rows("SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = $1::pg_catalog.int8::pg_catalog.oid", r => r.GetString(0), (long)oid).FirstOrDefault();
        tablespaces.Add(new TablespaceFacts { Oid = oid, Name = name ?? oid.ToString(CultureInfo.InvariantCulture), Location = location });
        return tablespaces[^1];
    }

    /// <summary>The bytes between two headers as a stream.</summary>
    private sealed class MessageStream(ReplicationFeed feed) : ReadOnlyStream
    {
        private LibPq.UnmanagedMessage? message;
        private int start;
        private byte[]? header;
        private bool ended;

        /// <summary>The message that begins the next part; null at the end of the backup.</summary>
        public byte[]? NextHeader()
        {
            if (header is null && !Fill() && header is null)
            {
                return null;
            }

            var next = header;
            header = null;
            return next ?? throw new InvalidDataException("The server sent data of no archive.");
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (message is null && (header is not null || !Fill()))
            {
                return 0;
            }

            var rest = message!.Value.Bytes[start..];
            var length = Math.Min(buffer.Length, rest.Length);
            rest[..length].CopyTo(buffer);
            start += length;
            if (length == rest.Length)
            {
                Release();
            }

            return length;
        }

        protected override void Dispose(bool disposing)
        {
            Release();
            base.Dispose(disposing);
        }

        /// <summary>Takes the next data in; false where a header, or the end, came instead.</summary>
        private bool Fill()
        {
            while (!ended)
            {
                (message, start) = (Next(), 1);
                if (message is not { Bytes: var bytes })
                {
                    ended = true;
                    return false;
                }

                switch (bytes[0])
                {
                    case (byte)'d' when bytes.Length > 1:
                        return true;
                    case (byte)'d' or (byte)'p':
                        Release();
                        break;
                    default:
                        header = bytes.ToArray();
                        Release();
                        return false;
                }
            }

            return false;
        }

        private void Release()
        {
            message?.Dispose();
            message = null;
        }

        private LibPq.UnmanagedMessage? Next()
        {
            try
            {
                return feed.connection.Read();
            }
            catch (MaintenanceException)
            {
                feed.cancellation.ThrowIfCancellationRequested();
                throw;
            }
        }
    }
}
