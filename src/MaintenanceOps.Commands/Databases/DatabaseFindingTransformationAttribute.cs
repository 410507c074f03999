using System.Globalization;
using System.Management.Automation;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Takes what was a finding as a finding again: out of a job, another machine, JSON, CSV or Select-Object.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class DatabaseFindingTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => inputData switch
    {
        PSObject { BaseObject: not DatabaseFinding } wrapped when wrapped.Properties[nameof(DatabaseFinding.Rule)] is not null => Revive(wrapped),
        object[] many => Array.ConvertAll(many, one => Transform(engineIntrinsics, one)),
        _ => inputData,
    };

    /// <summary>What an act rests on must be there: a finding whose action was left out must not be taken for one of everything.</summary>
    private static DatabaseFinding Revive(PSObject dead)
    {
        string? Text(string name) => Convert.ToString(dead.Properties[name]?.Value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? text : null;
        T Of<T>(string name)
            where T : struct, Enum => Enum.TryParse<T>(Text(name), ignoreCase: true, out var value) && Enum.IsDefined(value) ? value : default;
        if (dead.Properties[nameof(DatabaseFinding.Action)] is null || (Text("Path") ?? Text("ConnectionString")) is not { } place)
        {
            throw new ArgumentTransformationMetadataException("This was a finding of Get-DatabaseHealth, and its Action, or Path and ConnectionString, are missing. Pipe the finding as it is.");
        }

        return new DatabaseFinding
        {
            Severity = Of<FindingSeverity>("Severity"),
            Rule = Text("Rule") ?? "",
            Engine = Text("Path") is null ? DatabaseEngine.Postgres : DatabaseEngine.Sqlite,
            Database = Text("Database") ?? place,
            Message = Text("Message") ?? "",
            Object = Text("Object") ?? "",
            Action = Of<OptimizationStep>("Action") is var action && action != default ? action : null,
            Path = Text("Path"),
            ConnectionString = Text("ConnectionString"),
        };
    }
}
