namespace MaintenanceOps.Engine.Snapshots;

/// <summary>What the kinds have in common.</summary>
internal static class SnapshotKinds
{
    /// <summary>Whether the snapshot consists of files, so that its map is one of a listing; else it is one image of pages.</summary>
    public static bool HasListing(this SnapshotKind kind) => kind != SnapshotKind.Sqlite;
}
