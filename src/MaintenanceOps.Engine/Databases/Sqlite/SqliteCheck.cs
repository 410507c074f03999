using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// SQLite's own check of a database that may use what only its application knows: collations, functions, tokenizers,
/// modules, syntax. What can be checked without them is checked, and the rest is named.
/// </summary>
internal sealed partial class SqliteCheck
{
    private const int OutOfMemory = 7;

    /// <summary>A table cannot be looked at alone where there are more: each look walks the whole schema.</summary>
    private const int MaxTables = 20_000;

    private const int MaxComplaints = 10_000;
    private const int MaxReasons = 100;
    private static readonly string[] KnownTokenizers = ["unicode61", "ascii", "trigram"];
    private readonly SqliteConnection connection;
    private readonly bool thorough;
    private readonly string pragma;
    private readonly Dictionary<string, string> oddTables = new(StringComparer.Ordinal);
    private readonly List<string> gaps = [];
    private bool schemaIsPartial;

    private SqliteCheck(SqliteConnection connection, bool thorough)
    {
        this.connection = connection;
        this.thorough = thorough;
        pragma = thorough ? "integrity_check" : "quick_check";
    }

    /// <summary>What a check found.</summary>
    /// <param name="Integrity"><c>ok</c>, or the first complaint.</param>
    /// <param name="Unchecked">What could not be checked, and why, a sentence each.</param>
    public sealed record Result(string Integrity, IReadOnlyList<string> Unchecked);

    /// <summary>
    /// Checks the database. Nothing of its schema is run: no check constraint, no view, no virtual table. Afterwards the
    /// connection knows no virtual tables, and is good for counting and for nothing else.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="thorough">Looks for missing and surplus entries of indexes as well.</param>
    /// <exception cref="SqliteException">It was interrupted, or cannot be read.</exception>
    public static Result Run(SqliteConnection connection, bool thorough)
    {
        SqliteConnections.PrepareForChecks(connection);
        return new SqliteCheck(connection, thorough).Run();
    }

    private Result Run()
    {
        try
        {
            ReadSchema();
            LeaveOutVirtualTables();
            NameOddTables();
            var complaint = Plain(pragma, 1, out var complaints) is null ? First(complaints) : CheckWhatIsKnown();
            complaint ??= thorough && !schemaIsPartial ? PartialIndexes.Check(connection, oddTables.ContainsKey) : null;
            return new Result(complaint ?? "ok", [.. gaps.Take(MaxReasons)]);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Corrupt or SqliteNative.NotADatabase)
        {
            return new Result(PartialSchema.MessageOf(e), []);
        }
    }

    /// <summary>
    /// The first complaint that is damage. A value that a column may not have by now is none: the application wrote it when it might,
    /// or changed the column since, and the file is whole.
    /// </summary>
    private string? First(List<string> complaints)
    {
        if (complaints.FirstOrDefault() is not { } first || !OddValue().IsMatch(first))
        {
            return complaints.FirstOrDefault();
        }

        _ = Plain(pragma, MaxComplaints, out var all);
        gaps.Add($"{all.Count(c => OddValue().IsMatch(c))} values are not what their columns ask for, such as: {first}. The application wrote them so, or changed the columns since.");
        return all.FirstOrDefault(c => !OddValue().IsMatch(c));
    }

    private void ReadSchema()
    {
        if (PartialSchema.Read(connection) is { } reason)
        {
            schemaIsPartial = true;
            gaps.Add($"A part of the schema cannot be read by SQLite {connection.ServerVersion} ({reason}). What it describes was not checked.");
        }
    }

    /// <summary>
    /// Names the virtual tables that cannot be opened here and those whose index is not sound, and then takes all modules away: their
    /// tables are ordinary ones, which are checked; whether an application kept a full-text index up to date is not for a backup to judge.
    /// </summary>
    private void LeaveOutVirtualTables()
    {
        var tables = connection.Column(
            "SELECT name, CAST(sql AS TEXT) FROM sqlite_schema WHERE type = 'table' AND typeof(name) = 'text' AND coalesce(rootpage, 0) = 0 LIMIT 1000",
            r => (Name: r.GetString(0), Sql: r.IsDBNull(1) ? "" : r.GetString(1)));
        foreach (var (name, sql) in tables)
        {
            if (WhyNotPrepared($"SELECT 1 FROM {SqliteConnections.Quote(name)}") is { } reason || (reason = UnknownTokenizer(sql)) is not null)
            {
                gaps.Add($"The virtual table '{name}' cannot be opened here ({reason}). The tables behind it were checked, it itself was not.");
            }
            else if (OwnIndex().IsMatch(sql) && Plain($"integrity_check({SqliteConnections.Quote(name)})", 1, out var complaints) is null && complaints.FirstOrDefault() is { } complaint)
            {
                gaps.Add($"The index of the virtual table '{name}' is not sound ({complaint}). It was taken as it is; for a full-text index, INSERT INTO {name}({name}) VALUES('rebuild') makes it anew.");
            }
        }

        if (tables.Count > 0)
        {
            SqliteNative.DropModules(connection.Handle!);
            if (!schemaIsPartial)
            {
                // Forgets the tables that have just been opened.
                connection.Execute("PRAGMA writable_schema = RESET");
            }
        }
    }

    /// <summary>FTS5 looks for a tokenizer only when it is asked for a word.</summary>
    private static string? UnknownTokenizer(string sql)
    {
        if (Tokenizer().Match(sql) is not { Success: true } match)
        {
            return null;
        }

        var names = match.Groups[1].Value.Split((char[])[' ', '\'', '"', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return names.FirstOrDefault(n => !n.Equals("porter", StringComparison.OrdinalIgnoreCase)) is { } name
            && !KnownTokenizers.Contains(name, StringComparer.OrdinalIgnoreCase)
                ? $"no such tokenizer: {name}"
                : null;
    }

    /// <summary>
    /// Names the tables whose indexes, checks or generated columns need what only the application knows. A full check is
    /// made ready for each and not run: that already finds every function and collation.
    /// </summary>
    private void NameOddTables()
    {
        connection.Execute("PRAGMA ignore_check_constraints = OFF");
        if (WhyNotPrepared("PRAGMA integrity_check") is not null && Tables() is { Count: <= MaxTables } tables)
        {
            foreach (var table in tables)
            {
                if (WhyNotPrepared($"PRAGMA integrity_check({SqliteConnections.Quote(table)})") is { } reason)
                {
                    AddOdd(table, reason);
                }
            }
        }

        connection.Execute("PRAGMA ignore_check_constraints = ON");
    }

    private void AddOdd(string table, string reason)
    {
        if (oddTables.TryAdd(table, reason))
        {
            gaps.Add($"Table '{table}' needs what is not known here ({reason}). Its structure was checked; indexes, checks and generated columns that need it were not.");
        }
    }

    private List<string> Tables() => connection.Column(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND typeof(name) = 'text' AND CAST(rootpage AS INTEGER) > 0",
        r => r.GetString(0));

    private string? WhyNotPrepared(string sql)
    {
        try
        {
            using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Names in it are quoted.
            command.CommandText = sql;
#pragma warning restore CA2100
            command.Prepare();
            return null;
        }
        catch (SqliteException e) when (e.SqliteErrorCode is not (SqliteNative.Interrupt or SqliteNative.InputOutput))
        {
            return PartialSchema.MessageOf(e);
        }
    }

    /// <summary>Runs a check as it is; returns why it cannot be run, or null.</summary>
    private string? Plain(string sql, int limit, out List<string> complaints)
    {
        complaints = [];
        try
        {
            complaints = connection.Column(
                sql.Contains('(', StringComparison.Ordinal) ? $"PRAGMA {sql}" : string.Create(CultureInfo.InvariantCulture, $"PRAGMA {sql}({limit})"),
                r => r.IsDBNull(0) ? "" : r.GetString(0));
            complaints.RemoveAll(c => c == "ok");
            if (schemaIsPartial)
            {
                // The pages of what is not in the readable part of the schema look unused.
                complaints = [.. complaints.SelectMany(c => c.Split('\n')).Where(c => !UnusedPage().IsMatch(c))];
            }

            return null;
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Error or OutOfMemory)
        {
            return e.SqliteErrorCode == OutOfMemory ? "it has too many tables and indexes to be checked at once" : PartialSchema.MessageOf(e);
        }
    }

    /// <summary>
    /// First each table by itself, so that those that need nothing unknown are checked in full. Then the structure of all
    /// pages, with stand-ins for what is unknown: they make the check run, and what they could have caused is no complaint.
    /// </summary>
    private string? CheckWhatIsKnown()
    {
        var tables = Tables();
        if (tables.Count <= MaxTables)
        {
            foreach (var table in tables)
            {
                if (Plain($"{pragma}({SqliteConnections.Quote(table)})", MaxComplaints, out var complaints) is { } reason)
                {
                    AddOdd(table, reason);
                }
                else if (complaints.Find(c => !OddValue().IsMatch(c)) is { } complaint)
                {
                    return complaint;
                }
            }
        }

        var problem = WithStandIns(out var found);
        if (problem is not null)
        {
            gaps.Add($"The structure of the database was not checked as a whole: {problem}.");
        }

        return found.Find(c => !CausedByStandIn(c) && !OddValue().IsMatch(c));
    }

    private string? WithStandIns(out List<string> complaints)
    {
        using var standIns = new StandIns(connection);
        string? problem;
        do
        {
            problem = Plain("quick_check", MaxComplaints, out complaints);
        }
        while (problem is not null && standIns.TryAdd(problem));
        return problem;
    }

    /// <summary>The order of a key and the value of an expression are what a stand-in does not know.</summary>
    private bool CausedByStandIn(string complaint) =>
        OrderOrValue().Match(complaint) is { Success: true } match
        && oddTables.Keys.Any(t => match.Groups[1].Value == t || match.Groups[1].Value.StartsWith(t + ".", StringComparison.Ordinal));

    [GeneratedRegex(@"USING\s+[""'`\[]?fts5\b.*?\btokenize\s*=\s*(""[^""]*""|'[^']*'|\w+)", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Tokenizer();

    /// <summary>Kinds whose check looks at their own tables alone.</summary>
    [GeneratedRegex(@"USING\s+[""'`\[]?(?:fts3|fts4|fts5|rtree|rtree_i32)\b", RegexOptions.IgnoreCase)]
    private static partial Regex OwnIndex();

    [GeneratedRegex(@"^(?:NULL|NUMERIC|TEXT|BLOB|INT|REAL|non-\w+) value in ", RegexOptions.Singleline)]
    private static partial Regex OddValue();

    [GeneratedRegex(@"^(?:row not in PRIMARY KEY order for |(?:NULL|NUMERIC|TEXT|BLOB|INT|REAL|non-\w+) value in )(.+)$", RegexOptions.Singleline)]
    private static partial Regex OrderOrValue();

    [GeneratedRegex(@"^(?:\*\*\* in database main \*\*\*|Page \d+: never used|)$")]
    private static partial Regex UnusedPage();
}
