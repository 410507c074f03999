using MaintenanceOps.Engine.Databases.Postgres.Client;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// A file that tells <c>pg_restore</c> which objects of a dump it restores, written where the program runs: behind a prefix
/// that is another machine or container.
/// </summary>
internal sealed class EntryList : IDisposable
{
    private readonly ClientTools tools;

    public EntryList(ClientTools tools, IEnumerable<DumpEntry> entries, CancellationToken cancellation)
    {
        this.tools = tools;
        var text = System.Text.Encoding.ASCII.GetBytes(string.Concat(entries.Select(e => $"{e.Id};\n")));
        if (!tools.AreElsewhere)
        {
            Path = System.IO.Path.GetTempFileName();
            File.WriteAllBytes(Path, text);
            return;
        }

        Path = $"/tmp/mops-list-{Guid.NewGuid():N}";
        using var tee = tools.StartThere(["tee", Path], cancellation);
        tee.Feed(input => input.Write(text));
        tee.Output.CopyTo(Stream.Null);
        tee.Finish(cancellation);
    }

    public string Path { get; }

    public void Dispose()
    {
        if (!tools.AreElsewhere)
        {
            File.Delete(Path);
            return;
        }

        using var remove = tools.StartThere(["rm", "-f", Path], CancellationToken.None);
        remove.Settle(CancellationToken.None);
    }
}
