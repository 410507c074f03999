using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Plans;

/// <summary>Secrets stand in a plan by reference only: <c>${env:NAME}</c> and <c>${file:path}</c>.</summary>
internal static partial class PlanReference
{
    /// <summary>Whether a text has such a reference in it.</summary>
    public static bool IsIn(string text) => Reference().IsMatch(text);

    /// <summary>Puts what is referred to in the place of the references.</summary>
    /// <param name="text">The value as written.</param>
    /// <param name="folder">The folder that relative paths start at.</param>
    /// <param name="wrong">Makes the error; it is told the reference and never a value.</param>
    public static string Resolve(string text, string folder, Func<string, MaintenanceException> wrong) => Reference().Replace(text, match =>
    {
        var (kind, name) = (match.Groups[1].Value, match.Groups[2].Value);
        if (kind == "env")
        {
            return Environment.GetEnvironmentVariable(name) ?? throw wrong($"the variable '{name}' is not set.");
        }

        var path = Path.GetFullPath(name, folder);
        try
        {
            // Editors and `echo` end a file with a line break that is no part of the secret.
            return GivenFile.Text(path, "read").TrimEnd('\r', '\n');
        }
        catch (MaintenanceException e)
        {
            throw wrong($"'{path}' cannot be read: {e.Message}");
        }
    });

    [GeneratedRegex(@"\$\{(env|file):([^}]+)\}")]
    private static partial Regex Reference();
}
