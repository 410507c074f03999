using System.Text.Json;
using System.Text.Json.Serialization;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>What is written down of a snapshot. Its hash is the snapshot's id; the snapshot exists when it does.</summary>
internal sealed record Manifest
{
    public int Format { get; init; } = 1;

    public required string Source { get; init; }

    public required SnapshotKind Kind { get; init; }

    public required DateTimeOffset Created { get; init; }

    public double ElapsedSeconds { get; init; }

    public double WritePauseSeconds { get; init; }

    public string Origin { get; init; } = "";

    public string Host { get; init; } = "";

    public string Set { get; init; } = "";

    public string Parent { get; init; } = "";

    public string[] Tags { get; init; } = [];

    public long Size { get; init; }

    public long StoredSize { get; init; }

    public string ContentHash { get; init; } = "";

    /// <summary>The name of the page map, of a database or of a files snapshot's listing.</summary>
    public string Map { get; init; } = "";

    /// <summary>The level that the content was proven to while it was written.</summary>
    public VerificationLevel Verified { get; init; }

    public string[] Warnings { get; init; } = [];

    public long FileCount { get; init; }

    public SqliteFacts? Sqlite { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PostgresFacts? Postgres { get; init; }

    /// <summary>The program that wrote it.</summary>
    public string Tool { get; init; } = "";

    /// <summary>Makes two manifests of the same state different.</summary>
    public string Nonce { get; init; } = "";

    /// <summary>What every backup writes down, whatever its source.</summary>
    public static Manifest Of(SnapshotKind kind, BackupOptions options, DateTimeOffset taken, string? parent) => new()
    {
        Kind = kind,
        Source = options.Source,
        Created = taken,
        Host = Environment.MachineName,
        Set = options.SetId,
        Parent = parent ?? "",
        Tags = [.. options.Tags],
        Tool = ToolVersion.Text,
        Nonce = Guid.NewGuid().ToString("N"),
    };

    public static string ObjectName(string id) => $"snapshots/{id}";

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, FormatJson.Default.Manifest);

    /// <exception cref="InvalidDataException">The bytes are no manifest.</exception>
    public static Manifest FromBytes(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, FormatJson.Default.Manifest) ?? throw new InvalidDataException("The manifest is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The manifest is no JSON of the known shape.", e);
        }
    }
}

/// <summary>What a SQLite database's snapshot knows beside its pages.</summary>
internal sealed record SqliteFacts
{
    public int PageSize { get; init; }

    public string JournalMode { get; init; } = "";

    public string EngineVersion { get; init; } = "";

    public string SchemaHash { get; init; } = "";

    public TableCount[] Tables { get; init; } = [];

    /// <summary>What the file and its log looked like; the same again means that nothing was written since.</summary>
    public string StateToken { get; init; } = "";

    /// <summary>True where the database had broken foreign keys or other findings that do not stop a backup.</summary>
    public string[] Findings { get; init; } = [];
}

/// <summary>One check of a snapshot, kept beside it because the manifest never changes.</summary>
internal sealed record TestRecord
{
    public required string Snapshot { get; init; }

    public required VerificationLevel Level { get; init; }

    public required bool Passed { get; init; }

    /// <summary>Whether it failed because the content is lost or changed, and not by an assertion alone.</summary>
    public bool Damaged { get; init; }

    public required DateTimeOffset At { get; init; }

    public double ElapsedSeconds { get; init; }

    public string[] Findings { get; init; } = [];

    public static string Folder(string snapshotId) => $"tests/{snapshotId}/";

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, FormatJson.Default.TestRecord);

    public static TestRecord FromBytes(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, FormatJson.Default.TestRecord) ?? throw new InvalidDataException("The record is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The record is no JSON of the known shape.", e);
        }
    }
}

/// <summary>What a PostgreSQL snapshot knows beside its files.</summary>
internal sealed record PostgresFacts
{
    /// <summary>The number that <c>initdb</c> gave the cluster.</summary>
    public ulong System { get; init; }

    /// <summary>The server's version as it tells it, such as <c>150018</c>.</summary>
    public int Version { get; init; }

    /// <summary>The superuser that <c>initdb</c> made, by whom a private server on a restored cluster is asked.</summary>
    public string Superuser { get; init; } = "postgres";

    /// <summary>The databases, with their tables and rows where those were counted.</summary>
    public PostgresDatabase[] Databases { get; init; } = [];

    /// <summary>Of a base backup: where in the log it begins and ends.</summary>
    public BaseBackupFacts? Base { get; init; }
}

/// <summary>One database of a cluster.</summary>
internal sealed record PostgresDatabase
{
    public string Name { get; init; } = "";

    public long Size { get; init; }

    public TableCount[] Tables { get; init; } = [];

    public string Owner { get; init; } = "";

    public string Encoding { get; init; } = "UTF8";

    public string Collate { get; init; } = "C";

    public string Ctype { get; init; } = "C";

    /// <summary>The extensions, without which a restore would fail.</summary>
    public string[] Extensions { get; init; } = [];

    /// <summary>The roles that own something in it or have rights on it.</summary>
    public string[] Roles { get; init; } = [];

    /// <summary>Statements that give the database itself its rights and settings, with <see cref="NameMark"/> for its name.</summary>
    public string[] Settings { get; init; } = [];

    /// <summary>Stands for the database's name, which a restore may change.</summary>
    public const string NameMark = "\u0001";

    /// <summary>The one that is named; the only one where none is.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ItemNotFound"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static PostgresDatabase Choose(IReadOnlyCollection<PostgresDatabase> databases, string? name, Snapshot snapshot)
    {
        var names = string.Join(", ", databases.Select(d => d.Name));
        return databases.Where(d => name is null || d.Name == name).ToList() switch
        {
            [var only] => only,
            [] => throw new MaintenanceException(ErrorCode.ItemNotFound, $"Snapshot {snapshot.ShortId} has no database '{name}'. It has {names}.", snapshot.Id),
            _ => throw new MaintenanceException(ErrorCode.InvalidArgument, $"Snapshot {snapshot.ShortId} holds several databases ({names}); say which with -Database.", snapshot.Id),
        };
    }
}

/// <summary>The log that makes a base backup consistent.</summary>
internal sealed record BaseBackupFacts
{
    public uint Timeline { get; init; }

    public string StartLsn { get; init; } = "";

    public string EndLsn { get; init; } = "";

    /// <summary>The first segment that a recovery from it reads.</summary>
    public string StartSegment { get; init; } = "";

    public long SegmentSize { get; init; }

    /// <summary>When it ended by the server's clock; a recovery cannot stop before.</summary>
    public DateTimeOffset Ended { get; init; }

    /// <summary>The places outside the data directory; their files are below <c>pg_tblspc</c> in the listing.</summary>
    public TablespaceFacts[] Tablespaces { get; init; } = [];
}

/// <summary>A tablespace that lies outside the data directory.</summary>
internal sealed record TablespaceFacts
{
    public uint Oid { get; init; }

    public string Name { get; init; } = "";

    /// <summary>The folder on the server's machine.</summary>
    public string Location { get; init; } = "";

    /// <summary>Where its files are in a data directory, through a link, and in the listing.</summary>
    [JsonIgnore]
    public string Path => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"pg_tblspc/{Oid}");
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(TestRecord))]
[JsonSerializable(typeof(Keys.RepositoryDescription))]
[JsonSerializable(typeof(Keys.KeyDescription))]
[JsonSerializable(typeof(Leases.LeaseContent))]
internal sealed partial class FormatJson : JsonSerializerContext;
