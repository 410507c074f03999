using System.Diagnostics;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Checks;

/// <summary>One check over many objects: what it found at each of them, and which it could not look at.</summary>
internal sealed class IntegrityCheck(UpkeepSession session, string name)
{
    private const int Shown = 100;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly List<string> problems = [];
    private readonly List<string> locked = [];
    private string reason = "";
    private long count;
    private long objects;

    /// <summary>The check's name, which is its function's where it has one.</summary>
    public string Name => name;

    /// <summary>Whether it makes no sense to go on with the next object.</summary>
    public bool IsOver => reason.Length > 0;

    /// <summary>Looks at one object. One that is gone meanwhile is passed over, one that is locked is told in the end.</summary>
    /// <exception cref="MaintenanceException">The connection is gone.</exception>
    public void Look(uint id, string what, Func<IEnumerable<string>> look)
    {
        try
        {
            Try(id, what, look);
        }
        catch (NpgsqlException e)
        {
            throw session.Server.Wrap(e);
        }
    }

    public void Add(string problem)
    {
        count++;
        if (problems.Count < Shown)
        {
            problems.Add(problem);
        }
    }

    public void CannotBeMade(string why) => reason = why;

    public IntegrityResult Result()
    {
        if (locked.Count > 0 && reason.Length == 0)
        {
            reason = $"{locked.Count} could not be looked at, since somebody locks them: {string.Join(", ", locked.Take(3))}{(locked.Count > 3 ? ", …" : "")}.";
        }

        return new IntegrityResult
        {
            Engine = DatabaseEngine.Postgres,
            Database = session.Server.Describe(),
            Check = name,
            Passed = count == 0 && reason.Length == 0,
            Reason = reason,
            ProblemCount = count,
            Problems = problems,
            Objects = objects,
            Elapsed = clock.Elapsed,
        };
    }

    private void Try(uint id, string what, Func<IEnumerable<string>> look)
    {
        try
        {
            foreach (var problem in look())
            {
                Add($"{what}: {problem}");
            }

            objects++;
        }
        catch (PostgresException e) when (UpkeepSession.Survives(e))
        {
            Judge(id, what, e);
        }
    }

    private void Judge(uint id, string what, PostgresException e)
    {
        switch (e.SqlState)
        {
            case PostgresErrorCodes.LockNotAvailable:
                locked.Add(what);
                break;
            case PostgresErrorCodes.InsufficientPrivilege:
                reason = $"The user may not run {name}: {e.MessageText}. A superuser may, or whoever is granted EXECUTE on it.";
                break;
            case not (PostgresErrorCodes.InternalError or PostgresErrorCodes.DataCorrupted or PostgresErrorCodes.IndexCorrupted):
                // A standby's conflict, a lack of memory, somebody who cancelled it: nothing that says what the object holds.
                reason = $"{what} could not be read: {e.MessageText}";
                break;
            default:
                if (IsThere(id))
                {
                    objects++;
                    Add($"{what}: {e.MessageText}{(string.IsNullOrEmpty(e.Detail) ? "" : $" ({e.Detail})")}");
                }

                break;
        }
    }

    private bool IsThere(uint id) => session.Server.Scalar<bool>("SELECT EXISTS (SELECT 1 FROM pg_class WHERE oid = $1::oid)", (long)id);
}
