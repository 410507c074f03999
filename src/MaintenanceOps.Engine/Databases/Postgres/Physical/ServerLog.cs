namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>What a private server wrote to its log.</summary>
internal sealed class ServerLog(string path)
{
    /// <summary>What a server says of data that no server could start on, whatever the machine.</summary>
    private static readonly string[] Damage =
    [
        "could not locate a valid checkpoint record",
        "could not locate required checkpoint record",
        "WAL ends before end of online backup",
        "WAL ends before consistent recovery point",
        "incorrect checksum in control file",
        "invalid data in file \"backup_label\"",
        "invalid page in block",
        "WAL contains references to invalid pages",
    ];

    /// <summary>Whether a text has words of a server that say that the data is damaged.</summary>
    public static bool TellsOfDamage(string words) => Array.Exists(Damage, d => words.Contains(d, StringComparison.Ordinal));

    /// <summary>Why it ended; null where it does not say.</summary>
    public string? Complaints
    {
        get
        {
            var words = string.Join(" ", Lines().Where(l => l.Contains("FATAL", StringComparison.Ordinal) || l.Contains("PANIC", StringComparison.Ordinal)).Where(l => !l.Contains("the database system is", StringComparison.Ordinal)).Take(3));
            return words.Length > 0 ? words : null;
        }
    }

    /// <summary>Its last line, which tells what it does or waits for.</summary>
    public string Last => Lines().LastOrDefault(l => l.Length > 0 && !l.Contains("the database system is", StringComparison.Ordinal)) ?? "it has written nothing";

    private IEnumerable<string> Lines()
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
