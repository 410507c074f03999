using System.Text.Json.Serialization;
using MaintenanceOps.Engine.Databases.Postgres.Wal;

namespace MaintenanceOps.Engine.Snapshots.Format;

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

    /// <summary>How the server was reached, without a password; null in older snapshots.</summary>
    public ServerAddress? Address { get; init; }

    /// <summary>Of a base backup: where in the log it begins and ends.</summary>
    public BaseBackupFacts? Base { get; init; }
}

/// <summary>How a server was reached when it was backed up: what a restore in place needs to find it again.</summary>
internal sealed record ServerAddress(string Host, int Port, string User);

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

    /// <summary>Who sorts texts, as <c>datlocprovider</c> has it: <c>c</c> the C library, <c>i</c> ICU, <c>b</c> PostgreSQL itself.</summary>
    public string LocaleProvider { get; init; } = "c";

    /// <summary>The locale of ICU or of PostgreSQL itself.</summary>
    public string? Locale { get; init; }

    /// <summary>Rules beside those of ICU's locale.</summary>
    public string? IcuRules { get; init; }

    /// <summary>The tablespace that the database is in; null for the server's own.</summary>
    public string? Tablespace { get; init; }

    /// <summary>What each sequence had given out before the dump began; the dump's own values are the same or later ones.</summary>
    public SequenceFacts[] Sequences { get; init; } = [];

    /// <summary>The extensions, without which some objects cannot be restored.</summary>
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

/// <summary>The state of a sequence.</summary>
/// <param name="Name">Schema and name.</param>
/// <param name="Last">The number that it gave out last, or gives out next.</param>
/// <param name="IsCalled">Whether <paramref name="Last"/> was given out.</param>
internal sealed record SequenceFacts(string Name, long Last, bool IsCalled)
{
    /// <summary>Whether a number that this one has given out is given out again by another.</summary>
    public bool IsAheadOf(SequenceFacts other, bool descends) => (descends ? other.Last > Last : other.Last < Last) || (other.Last == Last && IsCalled && !other.IsCalled);
}

/// <summary>The log that makes a base backup consistent.</summary>
internal sealed record BaseBackupFacts
{
    public uint Timeline { get; init; }

    public string StartLsn { get; init; } = "";

    public string EndLsn { get; init; } = "";

    /// <summary>The place behind the last byte of the log that it brings along.</summary>
    [JsonIgnore]
    public ulong EndPlace => Lsn.TryParse(EndLsn, out var lsn) ? lsn : 0;

    /// <summary>The place of that last byte: from its segment on, a recovery needs the archive.</summary>
    [JsonIgnore]
    public ulong LastPlace => EndPlace == 0 ? 0 : EndPlace - 1;

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
