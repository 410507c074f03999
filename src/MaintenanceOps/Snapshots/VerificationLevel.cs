namespace MaintenanceOps;

/// <summary>How thoroughly a snapshot or repository was, or is to be, proven.</summary>
public enum VerificationLevel
{
    /// <summary>Not proven at all.</summary>
    None = 0,

    /// <summary>Every object that is needed exists with the right size, and the descriptions of the content can be read.</summary>
    Quick = 1,

    /// <summary>Every byte was read, decrypted, decompressed and compared with its hash.</summary>
    Full = 2,

    /// <summary>The content was restored into a scratch place and checked there: a drill.</summary>
    Restore = 3,
}
