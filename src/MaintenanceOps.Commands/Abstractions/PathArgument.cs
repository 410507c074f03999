using System.Management.Automation;

namespace MaintenanceOps.Commands;

/// <summary>
/// A path as a user gives it: text, in which wildcards count, or a file or folder object, which means exactly that one
/// whatever its name holds. Objects that came back from a job or a remote session count too.
/// </summary>
public sealed class PathArgument
{
    /// <summary>Takes text as a path with wildcards, and an object by its own full path.</summary>
    /// <param name="value">A string, a <see cref="FileSystemInfo"/>, or an object with <c>PSPath</c> or <c>FullName</c>.</param>
    public PathArgument(object value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var plain = value is PSObject wrapped ? wrapped.BaseObject : value;
        if (plain is string text)
        {
            Text = text;
            return;
        }

        var place = LiteralPathOf(plain, PSObject.AsPSObject(value));
        IsLiteral = place is not null;
        Text = place ?? $"{plain}";
    }

    /// <summary>The path.</summary>
    public string Text { get; }

    /// <summary>True where <c>*</c>, <c>?</c> and <c>[</c> are letters of the name.</summary>
    public bool IsLiteral { get; }

    /// <summary>The path.</summary>
    public override string ToString() => Text;

    private static string? LiteralPathOf(object plain, PSObject value) => plain is FileSystemInfo file
        ? file.FullName
        : value.Properties["PSPath"]?.Value as string ?? value.Properties["FullName"]?.Value as string;
}
