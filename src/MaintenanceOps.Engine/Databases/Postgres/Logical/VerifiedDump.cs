using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>A <c>pg_dump</c> whose output <c>pg_restore</c> reads at the same time, so that its end and its rows are known.</summary>
internal sealed class VerifiedDump : IDisposable
{
    private readonly ClientProcess dump;
    private readonly ClientProcess? reading;
    private readonly Task counting;
    private readonly DumpRows counted = new();
    private readonly CancellationToken cancellation;

    public VerifiedDump(ClientTools tools, string database, IReadOnlyList<string> arguments, bool verify, Action<int> progress, CancellationToken cancellation)
    {
        this.cancellation = cancellation;
        dump = tools.Start("pg_dump", ["--format=custom", "--compress=0", "--no-password", $"--dbname={PostgresServer.ConnectionOf(database)}", .. arguments], cancellation);
        try
        {
            reading = verify ? tools.Start("pg_restore", DumpRows.Arguments, cancellation) : null;
        }
        catch
        {
            dump.Dispose();
            throw;
        }

        counting = reading is null ? Task.CompletedTask : Task.Run(() => counted.Read(reading.Output), cancellation);
        Content = new TeeStream(dump.Output, reading?.Input, progress);
    }

    /// <summary>What is dumped, to be read to its end.</summary>
    public Stream Content { get; }

    /// <summary>The rows of each table by the server's number of it; null where nobody counted.</summary>
    public IReadOnlyDictionary<uint, long>? Rows => reading is null ? null : counted.Rows;

    /// <summary>What the program complained about though it ended well.</summary>
    public string Complaints => dump.Complaints;

    /// <summary>Waits for both programs, and throws unless both ended well.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>.</exception>
    public void Finish()
    {
        reading?.Input.Close();
        dump.Finish(cancellation);
        counting.GetAwaiter().GetResult();
        reading?.Finish(cancellation);
    }

    public void Dispose()
    {
        dump.Dispose();
        reading?.Dispose();
    }

    /// <summary>Reads from one stream and gives what it read to another one too.</summary>
    private sealed class TeeStream(Stream from, Stream? to, Action<int> report) : ReadOnlyStream
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = from.Read(buffer, offset, count);
            try
            {
                to?.Write(buffer, offset, read);
            }
            catch (IOException)
            {
                // The reader has ended early; its exit code and its words tell why.
                to = null;
            }

            report(read);
            return read;
        }
    }
}
