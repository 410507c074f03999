using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>
/// Makes what was read of a manifest safe to work with. A field that is missing gets its empty value. A value that no backup
/// writes makes the manifest odd: it is refused as damaged and costs no other snapshot.
/// </summary>
internal static class ManifestValues
{
    /// <summary>2^60 bytes: sums of sizes stay within 64 bits.</summary>
    private const long MaxSize = 1L << 60;

    private const long MaxNumber = 1L << 53;

    /// <summary>Ten years in seconds.</summary>
    private const double MaxSeconds = 315_360_000;

    /// <exception cref="OddManifestException">A value is out of range.</exception>
    public static Manifest Checked(Manifest read)
    {
        var manifest = read with
        {
            Origin = read.Origin ?? "",
            Host = Shown(read.Host),
            Set = read.Set ?? "",
            Parent = read.Parent ?? "",
            Tags = Texts(read.Tags),
            ContentHash = read.ContentHash ?? "",
            Map = read.Map ?? "",
            Missing = Texts(read.Missing),
            Unchecked = Texts(read.Unchecked),
            Warnings = Texts(read.Warnings),
            Sqlite = read.Sqlite is null ? null : Filled(read.Sqlite),
            Postgres = read.Postgres is null ? null : Filled(read.Postgres),
            Tool = read.Tool ?? "",
            Nonce = read.Nonce ?? "",
        };
        if (manifest.Format > Manifest.NewestFormat)
        {
            throw new OddManifestException($"It has version {manifest.Format} of the format, and this program reads those up to {Manifest.NewestFormat}. A newer MaintenanceOps reads it.", manifest.Source ?? "");
        }

        return Odd(manifest) is { } value ? throw new OddManifestException($"It says {value}, which no backup writes.", manifest.Source ?? "") : manifest;
    }

    /// <summary>Whether a clock that works can have said it.</summary>
    public static bool IsMoment(DateTimeOffset time) => time.UtcDateTime.Year is >= 1970 and <= 9000;

    private static string? Odd(Manifest m) =>
        m.Source is null || !BackupOptions.IsSourceName(m.Source) ? "a source with a name that cannot be one"
        : m.Format < 1 ? $"format {m.Format}"
        : !Enum.IsDefined(m.Kind) ? $"kind {(int)m.Kind}"
        : !Enum.IsDefined(m.Verified) ? $"level {(int)m.Verified}"
        : !IsMoment(m.Created) ? $"the time {m.Created:O}"
        : m.Size is < 0 or > MaxSize || m.StoredSize is < 0 or > MaxSize ? $"the sizes {m.Size} and {m.StoredSize}"
        : m.FileCount is < 0 or > MaxNumber ? $"{m.FileCount} entries"
        : m.Number is < 0 or > MaxNumber ? $"number {m.Number}"
        : m.MissingCount < 0 ? $"{m.MissingCount} missing entries"
        : m.ElapsedSeconds is not (>= 0 and <= MaxSeconds) || m.WritePauseSeconds is not (>= 0 and <= MaxSeconds) ? "durations out of range"
        : null;

    private static SqliteFacts Filled(SqliteFacts facts) => facts with
    {
        JournalMode = facts.JournalMode ?? "",
        EngineVersion = facts.EngineVersion ?? "",
        SchemaHash = facts.SchemaHash ?? "",
        Tables = Tables(facts.Tables),
        StateToken = facts.StateToken ?? "",
        Findings = Texts(facts.Findings),
    };

    private static PostgresFacts Filled(PostgresFacts facts) => facts with
    {
        Superuser = facts.Superuser ?? "postgres",
        Address = facts.Address is { Host: not null, User: not null } address ? address : null,
        Databases = [.. (facts.Databases ?? []).Where(d => d is not null).Select(Filled)],
        Base = facts.Base is not { } b ? null : b with
        {
            StartLsn = b.StartLsn ?? "",
            EndLsn = b.EndLsn ?? "",
            StartSegment = b.StartSegment ?? "",
            Tablespaces = [.. (b.Tablespaces ?? []).Where(t => t is not null).Select(t => t with { Name = t.Name ?? "", Location = t.Location ?? "" })],
        },
    };

    private static PostgresDatabase Filled(PostgresDatabase database) => database with
    {
        Name = database.Name ?? "",
        Tables = Tables(database.Tables),
        Owner = database.Owner ?? "",
        Encoding = database.Encoding ?? "UTF8",
        Collate = database.Collate ?? "C",
        Ctype = database.Ctype ?? "C",
        LocaleProvider = database.LocaleProvider ?? "c",
        Extensions = Texts(database.Extensions),
        Roles = Raw(database.Roles),
        Settings = Raw(database.Settings),
        Sequences = [.. (database.Sequences ?? []).Where(s => s?.Name is not null)],
    };

    private static TableCount[] Tables(TableCount[]? tables) => [.. (tables ?? []).Where(t => t?.Name is not null)];

    private static string[] Raw(string[]? texts) => [.. (texts ?? []).Where(t => t is not null)];

    /// <summary>Words for people, without what could drive the terminal that shows them.</summary>
    private static string[] Texts(string[]? texts) => [.. Raw(texts).Select(Shown)];

    private static string Shown(string? text) => PathCodec.Display(text ?? "");
}
