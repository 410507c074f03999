using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Takes a base backup through <c>pg_basebackup</c>, which sends one archive to its output: for servers before 15, and where
/// the programs are somewhere else, such as in a container. It cannot take tablespaces along.
/// </summary>
internal sealed class BaseBackupProgramFeed : IBaseBackupFeed
{
    private readonly ClientProcess process;
    private readonly CancellationToken cancellation;

    public BaseBackupProgramFeed(PostgresServer server, ClientToolOptions tools, string label, IReadOnlyCollection<TablespaceFacts> tablespaces, CancellationToken cancellation)
    {
        if (tablespaces.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.ClientToolUnfit,
                $"{server.Describe()} has tablespaces ({string.Join(", ", tablespaces.Select(t => t.Name))}), which pg_basebackup cannot stream. They need a server of version 15 or newer, PostgreSQL's client library (libpq) on this machine, and no -ClientPrefix. Or use -Method Logical.",
                server.Describe());
        }

        this.cancellation = cancellation;
        process = new ClientTools(tools, server).Start(
            "pg_basebackup",
            ["--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast", "--no-password", "--manifest-checksums=CRC32C", "--label", label],
            cancellation);
    }

    public byte[]? List => null;

    public IReadOnlyCollection<TablespaceFacts> Tablespaces => [];

    public IEnumerable<BaseBackupArchive> Archives()
    {
        yield return new BaseBackupArchive(null, process.Output);
        process.Output.CopyTo(Stream.Null);
        process.Finish(cancellation);
    }

    public void ThrowIfFailed()
    {
        // It ends only when somebody takes what it writes.
        process.Output.CopyTo(Stream.Null);
        process.Finish(cancellation);
    }

    public void Dispose() => process.Dispose();
}
