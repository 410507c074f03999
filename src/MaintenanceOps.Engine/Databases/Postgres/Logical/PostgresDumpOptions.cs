using MaintenanceOps.Engine.Databases.Postgres.Client;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Which databases of a server to dump, and how.</summary>
public sealed record PostgresDumpOptions
{
    /// <summary>Their names; <c>*</c> and <c>?</c> stand for any characters. None takes the connection string's own.</summary>
    public IReadOnlyList<string> Databases { get; init; } = [];

    /// <summary>Takes all databases of the server but templates.</summary>
    public bool AllDatabases { get; init; }

    /// <summary>
    /// How many programs dump one database at once, from 1 to 16. Above 1 its large tables are files of their own, which
    /// can be restored side by side too.
    /// </summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Where the client programs are.</summary>
    public ClientToolOptions Tools { get; init; } = new();

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    internal void Check()
    {
        if (Parallel is < 1 or > MostParallel)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"{Parallel} programs at once are not possible: give 1 to {MostParallel}.");
        }

        if (AllDatabases && Databases.Count > 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "-AllDatabases takes every database, so -Database has nothing to choose. Give one of them.");
        }
    }

    internal const int MostParallel = 16;
}
