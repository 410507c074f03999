using System.Runtime.ExceptionServices;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Plays a dump back with <c>pg_restore</c>, piece by piece. An object that the server refuses does not end it: what is
/// missing is told in <see cref="Errors"/>, with the server's words.
/// </summary>
internal sealed class DumpPlayer(IDumpSource dump, PostgresServer database, ClientToolOptions options, CancellationToken cancellation)
{
    private readonly ClientTools tools = new(options, database);
    private List<DumpEntry>? entries;

    /// <summary>How many programs run at once; above 1 a dump of one piece is written to a file first, in which several can jump about.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Where such a file goes; the system's temporary folder where it is null.</summary>
    public string? ScratchFolder { get; init; }

    /// <summary>Arguments for every run, such as <c>--no-tablespaces</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    public List<RestoreError> Errors { get; } = [];

    /// <summary>All objects of the dump's definitions, in the order in which they are restored.</summary>
    public List<DumpEntry> Entries => entries ??= ReadEntries();

    /// <summary>Restores the definitions that are wanted of those before or after the rows.</summary>
    public void PlayDefinitions(string section, Func<DumpEntry, bool> wanted)
    {
        var chosen = Entries.Where(wanted).ToList();
        if (chosen.Count == 0)
        {
            return;
        }

        using var list = new EntryList(tools, chosen, cancellation);
        string[] arguments = [$"--section={section}", $"--use-list={list.Path}"];
        if (section == "post-data" && CanSpool)
        {
            using var scratch = ScratchFolderOf();
            var errors = Play([.. arguments, $"--jobs={Parallel}", Spool(scratch, dump.WriteDefinitions)], null);
            Add(errors.Count == 0 ? errors : LookAgain(section, chosen, errors));
        }
        else
        {
            Run(arguments, dump.WriteDefinitions);
        }
    }

    /// <summary>
    /// Several programs at once write into each other's lines, so what is missing after them is tried again by one alone,
    /// whose words can be told apart.
    /// </summary>
    private List<RestoreError> LookAgain(string section, List<DumpEntry> chosen, List<RestoreError> errors)
    {
        var absent = AbsentObjects.Of(database, chosen);
        var ids = absent.Select(e => e.Id).ToHashSet();
        errors = errors.FindAll(e => e.Id != 0 && !ids.Contains(e.Id) && !AbsentObjects.CanTell(e.Entry));
        if (absent.Count > 0)
        {
            using var list = new EntryList(tools, absent, cancellation);
            errors.AddRange(Play([$"--section={section}", $"--use-list={list.Path}"], dump.WriteDefinitions));
        }

        return errors;
    }

    /// <summary>Restores rows: all of them, or those that arguments choose.</summary>
    public void PlayRows(params string[] chosen)
    {
        if (Array.Exists(chosen, c => !ServerEncoding.CanBeArgument(c, database.EncodingName)))
        {
            PlayListedRows(chosen);
            return;
        }

        string[] arguments = ["--section=data", .. chosen];
        if (dump.IsOnePiece && CanSpool)
        {
            using var scratch = ScratchFolderOf();
            var errors = Play([.. arguments, $"--jobs={Parallel}", Spool(scratch, dump.WriteDefinitions)], null);
            Add(errors.FindAll(e => !e.IsUnnamed));
            if (errors.Exists(e => e.IsUnnamed))
            {
                // Rows are counted whatever was said of them. Sequences are set once more, by one program whose words can be read.
                using var list = new EntryList(tools, Entries.Where(e => e.Text.StartsWith("SEQUENCE SET ", StringComparison.Ordinal)), cancellation);
                Run([.. arguments, $"--use-list={list.Path}"], dump.WriteDefinitions);
            }

            return;
        }

        try
        {
            System.Threading.Tasks.Parallel.For(
                0,
                dump.DataCount,
                new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellation },
                number => Run(arguments, (output, token) => dump.WriteData(number, output, token)));
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    /// <summary>The same by the numbers of what is chosen: the names cannot be said in an argument.</summary>
    private void PlayListedRows(string[] chosen)
    {
        var schema = ValueOf("--schema=").FirstOrDefault();
        var names = ValueOf("--table=").ToList();
        for (var number = 0; number < dump.DataCount; number++)
        {
            var wanted = DumpEntry.Parse(Read(["--list"], WriterOf(number))).Where(IsChosen).ToList();
            if (wanted.Count > 0)
            {
                using var list = new EntryList(tools, wanted, cancellation);
                Run(["--section=data", $"--use-list={list.Path}"], WriterOf(number));
            }
        }

        IEnumerable<string> ValueOf(string option) => chosen.Where(c => c.StartsWith(option, StringComparison.Ordinal)).Select(c => c[option.Length..]);

        bool IsChosen(DumpEntry entry) => Array.Exists(RowKinds, kind => names.Count == 0
            ? entry.Text.StartsWith(DumpEntry.Start(kind, schema ?? "", "").TrimEnd(' ') + " ", StringComparison.Ordinal)
            : names.Exists(n => entry.Text.StartsWith(DumpEntry.Start(kind, schema ?? "", n), StringComparison.Ordinal)));
    }

    /// <summary>Reads the rows of one table as SQL, in the encoding that comes with it.</summary>
    public void ReadRows(string schema, string table, Action<Stream, System.Text.Encoding> take)
    {
        for (var number = 0; number < dump.DataCount; number++)
        {
            var wanted = DumpEntry.Parse(Read(["--list"], WriterOf(number))).Where(e => e.Text.StartsWith(DumpEntry.Start("TABLE DATA", schema, table), StringComparison.Ordinal)).ToList();
            if (wanted.Count == 0)
            {
                continue;
            }

            using var list = new EntryList(tools, wanted, cancellation);
            using var program = tools.Start("pg_restore", ["--file=-", "--section=data", $"--use-list={list.Path}"], cancellation);
            var feeding = Task.Run(() => program.Feed(input => dump.WriteData(number, input, cancellation)), cancellation);
            try
            {
                take(program.Output, tools.Encoding);
            }
            finally
            {
                // Where the rows were refused, nobody wants the rest of them.
                program.Output.Dispose();
                feeding.GetAwaiter().GetResult();
            }

            program.Finish(cancellation);
        }
    }

    private Action<Stream, CancellationToken> WriterOf(int number) => (output, token) => dump.WriteData(number, output, token);

    private static readonly string[] RowKinds = ["TABLE DATA", "SEQUENCE SET"];

    /// <summary>Restores the content of large objects, which the definitions make empty.</summary>
    public void PlayLargeObjects()
    {
        for (var number = 0; number < dump.DataCount; number++)
        {
            void Write(Stream output, CancellationToken token) => dump.WriteData(number, output, token);
            var objects = DumpEntry.Parse(Read(["--list"], Write)).Where(e => e.IsLargeObject).ToList();
            if (objects.Count > 0)
            {
                using var list = new EntryList(tools, objects, cancellation);
                Run(["--section=data", $"--use-list={list.Path}"], Write);
            }
        }
    }

    /// <summary>The SQL of the definitions that are wanted, for who wants to read and not to run it.</summary>
    public string ReadSql(string section, Func<DumpEntry, bool> wanted)
    {
        using var list = new EntryList(tools, Entries.Where(wanted), cancellation);
        return Read(["--file=-", $"--section={section}", $"--use-list={list.Path}"], dump.WriteDefinitions);
    }

    private bool CanSpool => Parallel > 1 && !tools.AreElsewhere;

    private List<DumpEntry> ReadEntries() => DumpEntry.Parse(Read(["--list"], dump.WriteDefinitions));

    private string Read(string[] arguments) => Read(arguments, dump.WriteDefinitions);

    private string Read(string[] arguments, Action<Stream, CancellationToken> write)
    {
        using var program = tools.Start("pg_restore", arguments, cancellation);
        var reading = Task.Run(new StreamReader(program.Output, tools.Encoding).ReadToEnd, cancellation);
        program.Feed(input => write(input, cancellation));
        program.Finish(cancellation);
        return reading.GetAwaiter().GetResult();
    }

    private void Run(string[] arguments, Action<Stream, CancellationToken>? write) => Add(Play(arguments, write));

    private void Add(List<RestoreError> errors)
    {
        lock (Errors)
        {
            Errors.AddRange(errors);
        }
    }

    private List<RestoreError> Play(string[] arguments, Action<Stream, CancellationToken>? write)
    {
        // Only then does it tell which object an error is about.
        using var program = tools.Start("pg_restore", [$"--dbname={PostgresServer.ConnectionOf(database.Database)}", "--no-password", "--verbose", .. Arguments, .. arguments], cancellation);
        if (write is not null)
        {
            program.Feed(input => write(input, cancellation));
        }

        var code = program.Settle(cancellation);
        var complaints = program.AllComplaints;
        var errors = RestoreErrors.Parse(complaints);
        if (code != 0 && RestoreErrors.IsDisconnected(errors))
        {
            throw new MaintenanceException(ErrorCode.ServerUnavailable, $"The connection to {database.Describe()} was lost during the restore: {errors[0].Error}", database.Describe());
        }

        if (code != 0 && !RestoreErrors.CameToItsEnd(complaints))
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"pg_restore ended with {code}: {(errors.Count > 0 ? errors[^1].Error : complaints.Length > 0 ? program.Complaints : "it said nothing.")}", "pg_restore");
        }

        // PostgreSQL 15 and later make this schema by themselves.
        return [.. errors.Where(e => e.Error != "schema \"public\" already exists").Select(InFull)];
    }

    /// <summary>The list has the schema of an object, and what is said of its error has not.</summary>
    private RestoreError InFull(RestoreError error) =>
        Entries.Find(e => e.Id == error.Id) is { } entry && entry.Text.EndsWith(error.Entry[(error.Entry.LastIndexOf(' ') + 1)..], StringComparison.Ordinal) && entry.Text.StartsWith(error.Entry.Split(' ')[0], StringComparison.Ordinal)
            ? error with { Entry = entry.Text }
            : error;

    private ScratchFolder ScratchFolderOf() => Snapshots.ScratchFolder.Create(ScratchFolder);

    private string Spool(ScratchFolder scratch, Action<Stream, CancellationToken> write)
    {
        var path = Path.Combine(scratch.Path, "dump");
        try
        {
            using var file = File.Create(path);
            write(file, cancellation);
        }
        catch (Exception e) when (Storage.IoErrors.IsKnown(e))
        {
            throw Storage.IoErrors.Wrap(e, "write", path);
        }

        return path;
    }
}
