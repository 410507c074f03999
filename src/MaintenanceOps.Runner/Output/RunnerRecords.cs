using System.Text.Json.Serialization;

namespace MaintenanceOps.Runner.Output;

// What the runner writes where no record of the product fits. These names are part of the JSON contract.

internal sealed record ErrorLine(ErrorDetail Error);

internal sealed record ErrorDetail(string Code, string Message, string? Target)
{
    /// <summary>The stack trace, where MAINTENANCEOPS_DEBUG asks for it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Trace { get; init; }
}

internal sealed record WarningLine(WarningDetail Warning);

internal sealed record WarningDetail(string Message);

internal sealed record ExportResult(string Id, string Repository, string Source, string Path, long Size);

internal sealed record WrittenFile(string Path, long Size, bool Written);

internal sealed record RemovalResult(string Id, string Repository, string Source, bool Removed);

internal sealed record KeyRemovalResult(string Id, string Repository, bool Removed);

/// <summary>The figures of the demo.</summary>
internal sealed record DemoResult
{
    public required string Folder { get; init; }

    public required long DatabaseSize { get; init; }

    public required long FirstStored { get; init; }

    public required long SecondStored { get; init; }

    public required long RowsInSnapshot { get; init; }

    public required long RowsDestroyed { get; init; }

    public required long RowsRestored { get; init; }

    public required bool DrillPassed { get; init; }

    public required TimeSpan DrillElapsed { get; init; }

    public required TimeSpan RestoreElapsed { get; init; }

    public required long RowsWrittenMeanwhile { get; init; }

    public required bool Passed { get; init; }

    public required TimeSpan Elapsed { get; init; }
}
