using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>One restore in words, before it is done.</summary>
internal sealed class RestorePlan(Snapshot snapshot, RestoreOptions options)
{
    private readonly string? part = (options.Table ?? options.Schema) is { } name ? options.As ?? name : null;

    /// <summary>What would be written to, as far as the parameters tell.</summary>
    public string Target => Place + (part is null ? "" : $":{part}");

    private string Place => options.ConnectionString is { } server
        ? PostgresPlace.DatabaseOf(server, options.Destination ?? (part is null ? options.As : null) ?? options.Database ?? snapshot.Source)
        : options.Destination ?? snapshot.Origin;

    /// <summary>Where a database's file goes: into a folder that is named as one by its last character.</summary>
    public static string PlaceOf(Snapshot snapshot, string full, string given) =>
        snapshot.Kind == SnapshotKind.Sqlite && (given.EndsWith('/') || given.EndsWith(Path.DirectorySeparatorChar))
            ? Path.Combine(full, Path.GetFileName(snapshot.Origin))
            : full;

    /// <summary>The act, with the figures where a dry run has found them.</summary>
    public string Describe(RestoreResult? dry)
    {
        var what = options switch
        {
            { Table: { } table } => $"table '{table}' of snapshot {snapshot.ShortId}",
            { Schema: { } schema } => $"schema '{schema}' of snapshot {snapshot.ShortId}",
            _ => $"snapshot {snapshot.ShortId} of '{snapshot.Source}'",
        };
        var figures = dry switch
        {
            null => $", taken {snapshot.Created:yyyy-MM-dd HH:mm} UTC",
            { RestoredRows: >= 0 } => $" ({dry.RestoredRows} rows)",
            _ => $" ({ByteSize.Format(dry.RestoredBytes)} in {dry.RestoredItems} {(dry.RestoredItems == 1 ? "item" : "items")})",
        };
        var replacing = options.InPlace || options.Force ? "Replace with" : "Restore";
        return $"{replacing} {what}{figures}";
    }

    /// <summary>Two states cannot both end up in one place; the later one would silently win.</summary>
    public MaintenanceException Twice() => new(
        ErrorCode.InvalidArgument,
        $"'{Target}' was restored to in this pipeline already. Choose one snapshot, as with Get-Snapshot -Latest, or another -Destination.",
        snapshot.Id);
}
