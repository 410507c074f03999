using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Checks the content of databases: pages, indexes and foreign keys of SQLite; indexes, heaps and checksums of PostgreSQL.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Database", DefaultParameterSetName = PathSet)]
[OutputType(typeof(IntegrityResult))]
public sealed class TestDatabaseCommand : DatabaseCmdlet
{
    /// <summary>Quick for every day, Full for everything.</summary>
    [Parameter]
    [ValidateSet(nameof(VerificationLevel.Quick), nameof(VerificationLevel.Full))]
    public VerificationLevel Level { get; set; } = VerificationLevel.Quick;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var target in Targets())
        {
            Run(target, output => DatabaseUpkeep.Check(target, Level, output, output.Write, output.Cancellation));
        }
    }
}
