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
        RunThere("tee", Path, text, cancellation);
    }

    public string Path { get; }

    public void Dispose()
    {
        if (!tools.AreElsewhere)
        {
            File.Delete(Path);
            return;
        }

        RunThere("rm", Path, [], CancellationToken.None);
    }

    /// <summary>Where the prefix leaves no search path, the program is asked for by its place.</summary>
    private void RunThere(string program, string path, byte[] input, CancellationToken cancellation)
    {
        try
        {
            Run(program);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ClientToolFailed)
        {
            Run("/usr/bin/" + program);
        }

        void Run(string name)
        {
            using var started = tools.StartThere([name, path], cancellation);
            started.Feed(to => to.Write(input));
            started.Output.CopyTo(Stream.Null);
            started.Finish(cancellation);
        }
    }
}
