using System.Management.Automation;

namespace MaintenanceOps.Commands;

/// <summary>Lets a time span be written as people say it: <c>90s</c>, <c>30m</c>, <c>24h</c>, <c>7d</c>, <c>2w</c>.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class DurationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            // PowerShell itself reads an unquoted 7d as a decimal and 90s as a short, and rounds 0.5s to none; what was written is still there.
            decimal or short when inputData is PSObject written && Duration.TryParse(written.ToString(), out var said) => said,
            decimal days => TimeSpan.FromDays((double)days),
            short seconds => TimeSpan.FromSeconds(seconds),
            sbyte or int or long or double => throw new ArgumentTransformationMetadataException($"{inputData} of what? Give a unit: 90s, 30m, 24h, 7d or 2w."),
            string text when Duration.TryParse(text, out var duration) => duration,
            string text when !TimeSpan.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out _) => throw new ArgumentTransformationMetadataException($"'{text}' is no duration. Write it as 90s, 30m, 24h, 7d or 2w."),
            object[] many => Array.ConvertAll(many, one => Transform(engineIntrinsics, one)),
            _ => inputData,
        };
}
