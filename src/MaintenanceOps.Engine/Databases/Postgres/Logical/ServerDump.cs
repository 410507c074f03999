using MaintenanceOps.Engine.Databases.Postgres.Client;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>A database of a private server that nobody changes, dumped anew each time that a piece of it is wanted.</summary>
internal sealed class ServerDump(PostgresServer server, ClientToolOptions tools, params string[] arguments) : IDumpSource
{
    public int DataCount => 1;

    public bool IsOnePiece => false;

    public void WriteDefinitions(Stream output, CancellationToken cancellation) => Write(output, ["--section=pre-data", "--section=post-data"], cancellation);

    public void WriteData(int number, Stream output, CancellationToken cancellation) => Write(output, ["--section=data"], cancellation);

    private void Write(Stream output, string[] sections, CancellationToken cancellation)
    {
        using var dump = new ClientTools(tools, server).Start("pg_dump", ["--format=custom", "--compress=0", "--no-password", $"--dbname={PostgresServer.ConnectionOf(server.Database)}", .. sections, .. arguments], cancellation);
        dump.Output.CopyTo(output);
        dump.Finish(cancellation);
    }
}
