namespace MaintenanceOps;

/// <summary>How far a snapshot can be relied on, from the worst to the best.</summary>
public enum SnapshotState
{
    /// <summary>A check found content lost or changed.</summary>
    Damaged = 0,

    /// <summary>Something of the source could not be read and is missing; <see cref="Snapshot.Missing"/> names it.</summary>
    Incomplete = 1,

    /// <summary>Every object was stored. Nobody has looked at the content since.</summary>
    Written = 2,

    /// <summary>The content was checked as far as that is possible here; <see cref="Snapshot.Unchecked"/> says what was not.</summary>
    PartlyChecked = 3,

    /// <summary>The content that was stored was checked: by the engine's own checker, or every byte against its hash.</summary>
    Checked = 4,

    /// <summary>The snapshot was restored into a scratch place and passed there.</summary>
    Restored = 5,
}
