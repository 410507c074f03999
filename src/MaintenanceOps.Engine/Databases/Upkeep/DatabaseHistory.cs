using MaintenanceOps.Engine.Histories;

namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>
/// What was seen of databases on this machine: their sizes, and when their content was checked. Only findings are made of
/// it, so a history that cannot be read or kept holds nothing up.
/// </summary>
internal sealed class DatabaseHistory(string folder, IOperationSink sink)
{
    private readonly HistoryFolder<DatabaseEntry> entries = new(folder, DatabaseEntry.Format);

    /// <summary>The user's own; null where the user has no place for one.</summary>
    public static DatabaseHistory? OfUser(IOperationSink sink)
    {
        try
        {
            return new DatabaseHistory(StateFolder.For("databases"), sink);
        }
        catch (MaintenanceException e)
        {
            sink.Inform($"What is seen of databases is not remembered: {e.Message}");
            return null;
        }
    }

    /// <summary>What is known of a database.</summary>
    public DatabasePast Of(string place) => Try(() => new DatabasePast(Sizes(place), LastCheck(place)), new DatabasePast([], null));

    /// <summary>Remembers the size, in bytes.</summary>
    public void Looked(string place, long size, CancellationToken cancellation) => Note(SizeKey(place), new() { At = DateTimeOffset.UtcNow, Size = size }, cancellation);

    /// <summary>Remembers how many blocks a database was asked for, and how many of them were in memory.</summary>
    /// <returns>What the last look saw; null for the first.</returns>
    public DatabaseEntry? Counted(string database, long fetched, long hit, CancellationToken cancellation)
    {
        var last = Try(() => entries.Last(CacheKey(database)).LastOrDefault(), null);
        Note(CacheKey(database), new() { At = DateTimeOffset.UtcNow, Fetched = fetched, Hit = hit }, cancellation);
        return last;
    }

    /// <summary>Remembers what a check of the whole content found. Where a part could not be checked, only problems count.</summary>
    public void Checked(string place, IReadOnlyList<IntegrityResult> results, CancellationToken cancellation)
    {
        if (results.FirstOrDefault(r => r.ProblemCount > 0) is { } broken)
        {
            var reason = $"{broken.Check}: {broken.ProblemCount} problem{(broken.ProblemCount == 1 ? "" : "s")}";
            Note(CheckKey(place), new() { At = DateTimeOffset.UtcNow, Passed = false, Reason = reason }, cancellation);
        }
        else if (results.All(r => r.Passed))
        {
            Note(CheckKey(place), new() { At = DateTimeOffset.UtcNow, Passed = true }, cancellation);
        }
    }

    private List<PastFigure> Sizes(string place) => [.. entries.All(SizeKey(place)).Where(e => e?.Size is not null).Select(e => new PastFigure(e!.At, e.Size!.Value))];

    private PastCheck? LastCheck(string place) => entries.Last(CheckKey(place)).FindLast(e => e.Passed is not null) is { } check ? new PastCheck(check.At, check.Passed!.Value, check.Reason ?? "") : null;

    private static string SizeKey(string place) => $"size {place}";

    private static string CheckKey(string place) => $"check {place}";

    private static string CacheKey(string database) => $"cache {database}";

    private void Note(string key, DatabaseEntry entry, CancellationToken cancellation) => Try(
        () =>
        {
            entries.Append(key, _ => entry, cancellation);
            return true;
        },
        false);

    private T Try<T>(Func<T> act, T otherwise)
    {
        try
        {
            return act();
        }
        catch (MaintenanceException e)
        {
            sink.Inform($"The history of databases: {e.Message}");
            return otherwise;
        }
    }
}

/// <summary>What is known of a database from before.</summary>
/// <param name="Sizes">In bytes, the oldest first.</param>
/// <param name="LastCheck">The last check of its whole content; null where none is known.</param>
internal sealed record DatabasePast(IReadOnlyList<PastFigure> Sizes, PastCheck? LastCheck);

/// <summary>A check of the whole content.</summary>
internal sealed record PastCheck(DateTimeOffset At, bool Passed, string Reason);
