using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Where a database is restored to: the path that the user knows, and the file that it leads to.</summary>
internal sealed class SqliteRestoreTarget
{
    private readonly FileIdentity? identity;

    private SqliteRestoreTarget(string given)
    {
        Given = given;
        File = DatabaseLinks.Follow(given);
        identity = FileIdentity.Of(File);
    }

    /// <summary>The path as it was given, which may be a link.</summary>
    public string Given { get; }

    /// <summary>The file behind all links: what is replaced, and beside what everything is staged.</summary>
    public string File { get; }

    /// <summary>Finds the place, and refuses one where the database would land somewhere else than said.</summary>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.InvalidArgument"/>: no place was given; <see cref="ErrorCode.DestinationInUse"/>: something else
    /// than a file is there; <see cref="ErrorCode.PathNotFound"/>: a link that cannot be followed, or leads into a folder that is not there.
    /// </exception>
    public static SqliteRestoreTarget Of(Snapshot snapshot, RestoreOptions options)
    {
        if (options.Destination is null && !options.InPlace)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Say where to: -Destination, or -InPlace for where it came from.");
        }

        if (options.Destination is null && !Path.IsPathFullyQualified(snapshot.Origin))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"Snapshot {snapshot.ShortId} does not say where it came from in a way that fits this machine ('{snapshot.Origin}'). Give -Destination.", snapshot.Id);
        }

        var given = DatabaseLinks.Full(options.Destination ?? snapshot.Origin);
        if (Directory.Exists(given))
        {
            given = options.Destination is not null
                ? Path.Combine(given, Path.GetFileName(snapshot.Origin))
                : throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{given}' was a database and is a folder now, so it cannot be replaced in place. Remove the folder, or give -Destination.", given);
        }

        var target = new SqliteRestoreTarget(given);
        target.Require();
        return target;
    }

    /// <summary>A part of a PostgreSQL server or of a tree cannot be meant.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotKindMismatch"/>.</exception>
    public static void RefuseOtherKinds(Snapshot snapshot, RestoreOptions options)
    {
        var foreign = options switch
        {
            { Include.Count: > 0 } => "-Include is for files. Of a database, -Table restores one table",
            { Items.Count: > 0 } => "Single items are for files. Of a database, -Table restores one table",
            { ConnectionString: not null } => "-ConnectionString is for PostgreSQL, and this is a SQLite database",
            { Database: not null } => "-Database is for PostgreSQL, and this is a SQLite database",
            { Schema: not null } => "-Schema is for PostgreSQL, and this is a SQLite database",
            { Recovery: not null } => "-PointInTime is for PostgreSQL clusters, and this is a SQLite database. Choose an older snapshot",
            { TablespaceMapping.Count: > 0 } => "-TablespaceMapping is for PostgreSQL clusters, and this is a SQLite database",
            { As: not null, Table: null } => "-As names a restored table. A whole database goes to -Destination",
            _ => null,
        };
        if (foreign is not null)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, $"{foreign}. Nothing was restored.", snapshot.Id);
        }
    }

    /// <summary>Throws where the path leads to another file than when the restore began.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public void RequireSame()
    {
        if (DatabaseLinks.Follow(Given) is var now && now != File)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{Given}' led to '{File}' when the restore began and leads to '{now}' now. Nothing was changed. Run the restore again when nobody changes the link.", Given);
        }

        if (FileIdentity.Of(File) != identity)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{File}' was replaced by another file while the restore ran. Nothing was changed. Run the restore again when nobody else works on it.", Given);
        }
    }

    private void Require()
    {
        if (Directory.Exists(File) || (!System.IO.File.Exists(File) && identity is not null) || IsSpecial())
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{File}' is not a file, so a database cannot take its place. Give another -Destination.", Given);
        }

        if (DatabaseLinks.Dangling(Given) is { } link && (link != Given || !Directory.Exists(Path.GetDirectoryName(File))))
        {
            throw new MaintenanceException(ErrorCode.PathNotFound, $"'{link}' is a link to '{DatabaseLinks.Follow(link)}', which does not exist{(link == Given ? ", nor does its folder" : "")}. Is a volume not mounted? Make the folder, or remove the link.", Given);
        }
    }

    /// <summary>A pipe, socket or device: to open one can hang for ever.</summary>
    private bool IsSpecial() => TreeAccess.Current.Facts(File) is { } facts && facts.Kind.IsSpecial();
}
