using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A test that adds an extension to PostgreSQL's installation for a while; skipped, with the reason, where it may not.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ExtensionFactAttribute : FactAttribute
{
    public ExtensionFactAttribute() => Skip = new PostgresFactAttribute().Skip ?? (CanInstall() ? null : "PostgreSQL's folder of extensions cannot be written to.");

    private static string Folder => PostgresCluster.Programs!.Replace("/lib/", "/share/", StringComparison.Ordinal).Replace("/bin", "/extension", StringComparison.Ordinal);

    /// <summary>An extension with one function, which is gone when it is disposed of.</summary>
    public static IDisposable Install(string name)
    {
        File.WriteAllText(Path.Combine(Folder, $"{name}.control"), "default_version = '1'\nrelocatable = true\n");
        File.WriteAllText(Path.Combine(Folder, $"{name}--1.sql"), "CREATE FUNCTION mops_test_answer() RETURNS int LANGUAGE sql AS 'SELECT 42';\n");
        return new Removal(name);
    }

    private static bool CanInstall()
    {
        try
        {
            Install("mops_can_install").Dispose();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private sealed class Removal(string name) : IDisposable
    {
        public void Dispose()
        {
            File.Delete(Path.Combine(Folder, $"{name}.control"));
            File.Delete(Path.Combine(Folder, $"{name}--1.sql"));
        }
    }
}
