using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>
/// Hands the log out of the archive to a private server that recovers, which runs as another user and cannot read the
/// repository. The server's command leaves a wish in a folder and waits for the answer; a file at a time lies there, so
/// that a recovery over a month of log needs no room for it.
/// </summary>
internal sealed class LogFeeder : IDisposable
{
    private const string Wish = ".wish";
    private const string Given = ".given";
    private const string Missing = ".missing";
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(10);
    private readonly WalArchive archive;
    private readonly ulong system;
    private readonly ulong begin;
    private readonly string folder;
    private readonly string data;
    private readonly (int User, int Group)? owner;
    private readonly CancellationTokenSource stop = new();
    private readonly Thread thread;
    private volatile Exception? failure;
    private long served;

    /// <param name="repository">The archive's repository.</param>
    /// <param name="system">The cluster's number.</param>
    /// <param name="begin">Where in the log the recovery begins.</param>
    /// <param name="folder">A folder that this process and the server's user can write to.</param>
    /// <param name="data">The server's data directory.</param>
    /// <param name="owner">The server's user.</param>
    public LogFeeder(Repository repository, ulong system, ulong begin, string folder, string data, (int User, int Group)? owner)
    {
        archive = new WalArchive(repository);
        (this.system, this.begin, this.folder, this.data, this.owner) = (system, begin, folder, data, owner);
        thread = new Thread(Serve) { IsBackground = true, Name = "mops log feeder" };
        thread.Start();
    }

    /// <summary>
    /// What the server runs for each file. It ends with 1 where the archive has no such file, which is the end of the log,
    /// and with 126, which stops a recovery, where this process is gone or could not read it.
    /// </summary>
    public static string CommandFor(string folder) =>
        $"cd \"{folder}\" || exit 126; : > \"%f{Wish}\" || exit 126; while [ ! -e \"%f{Given}\" ]; do [ -e \"%f{Missing}\" ] && {{ rm -f \"%f{Missing}\"; exit 1; }}; [ -e stopped ] && exit 126; sleep 0.02; done; cd - > /dev/null && mv \"{folder}/%f{Given}\" \"%p\"";

    /// <summary>What kept it from serving; null where nothing did.</summary>
    public Exception? Failure => failure;

    /// <summary>How many files it has given.</summary>
    public long Served => Interlocked.Read(ref served);

    public void Dispose()
    {
        stop.Cancel();
        thread.Join();
        stop.Dispose();
    }

    private void Serve()
    {
        try
        {
            while (!stop.Token.WaitHandle.WaitOne(Beat))
            {
                foreach (var wish in Directory.GetFiles(folder, "*" + Wish))
                {
                    Answer(wish);
                }
            }
        }
#pragma warning disable CA1031 // Told by whoever waits for the recovery.
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
        }

        // A recovery that still waits ends instead of waiting for ever.
        File.WriteAllBytes(Path.Combine(folder, "stopped"), []);
    }

    private void Answer(string wish)
    {
        var name = Path.GetFileName(wish)[..^Wish.Length];
        var place = Path.Combine(folder, name);
        File.Delete(wish);
        if (!WalFile.TryParse(name, out _) || !archive.Fetch(name, place, system, Path.Combine(data, "pg_wal"), s => RequirePrivate(s, begin)))
        {
            File.WriteAllBytes(place + Missing, []);
            FileOwner.Give(place + Missing, owner);
            return;
        }

        FileOwner.Give(place, owner);
        File.Move(place, place + Given, overwrite: true);
        Interlocked.Increment(ref served);
    }

    /// <summary>
    /// A server that replays the making of a tablespace writes to the folder that the log names, which on this machine may
    /// be that of the live server.
    /// </summary>
    /// <param name="segment">A segment that will be replayed.</param>
    /// <param name="from">Where in the log the replay begins.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DrillNotPossible"/>.</exception>
    public static void RequirePrivate(byte[] segment, ulong from)
    {
        if (WalSegment.Read(segment).Tablespaces.FirstOrDefault(t => t.Path.Length > 0 && t.Lsn >= from) is { Path: not null } made)
        {
            throw new MaintenanceException(
                ErrorCode.DrillNotPossible,
                $"The log makes a tablespace in '{made.Path}' (number {made.Oid}), and a private server that replays this would write there, where the live one may be. Take a new base backup, which brings the tablespace along; or restore with -Destination on another machine.",
                made.Path);
        }
    }
}
