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
    private readonly Dictionary<string, TablespaceFacts> tablespaces;
    private readonly MessageStream content;

    public ReplicationFeed(PostgresServer server, string label, IEnumerable<TablespaceFacts> tablespaces, CancellationToken cancellation)
    {
        this.cancellation = cancellation;
        this.tablespaces = tablespaces.ToDictionary(t => string.Create(CultureInfo.InvariantCulture, $"{t.Oid}.tar"), StringComparer.Ordinal);
        connection = LibPq.Connect(server);
        content = new MessageStream(this);
        canceller = cancellation.Register(connection.Cancel);
        try
        {
            connection.StartCopy($"BASE_BACKUP ( LABEL '{label.Replace("'", "''", StringComparison.Ordinal)}', CHECKPOINT 'fast', WAL true, WAIT true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C' )");
        }
        catch (MaintenanceException)
        {
            Dispose();
            cancellation.ThrowIfCancellationRequested();
            throw;
        }
    }

    public byte[]? List { get; private set; }

    public IEnumerable<BaseBackupArchive> Archives()
    {
        while (content.NextHeader() is { } header)
        {
            switch (header[0])
            {
                case (byte)'n':
                    var name = Encoding.UTF8.GetString(header.AsSpan(1, Array.IndexOf<byte>(header, 0, 1) - 1));
                    yield return new BaseBackupArchive(name == "base.tar" ? null : Tablespace(name), content);
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

    private TablespaceFacts Tablespace(string archive) => tablespaces.TryGetValue(archive, out var facts)
        ? facts
        : throw new MaintenanceException(ErrorCode.ClientToolFailed, $"A tablespace was made while the base backup ran ({archive}). Take the backup again.", archive);

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
