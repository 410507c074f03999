using System.Management.Automation;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace MaintenanceOps.Loader;

/// <summary>
/// Lets the default context find the engine, in a context of its own: a YamlDotNet or SQLite of another module does not
/// meet ours. PowerShell calls it when the module comes and goes.
/// </summary>
public sealed class EngineLoader : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private const string Engine = "MaintenanceOps.Engine";

    /// <summary>One for the process: a context cannot be unloaded while its types are in use, and importing again must find them.</summary>
    private static readonly EngineContext Context = new(Path.Combine(Path.GetDirectoryName(typeof(EngineLoader).Assembly.Location)!, "lib", Engine + ".dll"));

    /// <inheritdoc/>
    public void OnImport()
    {
        // Importing twice with -Force must not leave two handlers.
        AssemblyLoadContext.Default.Resolving -= Resolve;
        AssemblyLoadContext.Default.Resolving += Resolve;
    }

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        // The handler stays: what another runspace or a finalizer of this one still uses may need it.
    }

    private static Assembly? Resolve(AssemblyLoadContext context, AssemblyName name) =>
        name.Name == Engine ? Context.LoadFromAssemblyName(name) : null;

    private sealed class EngineContext(string engine) : AssemblyLoadContext(Engine)
    {
        private readonly AssemblyDependencyResolver resolver = new(engine);
        private readonly string compiled = Path.Combine(Path.GetDirectoryName(engine)!, "runtimes", RuntimeInformation.RuntimeIdentifier, "lib");

        // Null sends the question to the default context, where MaintenanceOps.dll and the framework are.
        protected override Assembly? Load(AssemblyName assemblyName) =>
            assemblyName.Name != "MaintenanceOps" && resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(BestImage(path)) : null;

        // An image that was compiled for this platform needs no warming up. .NET refuses those of other platforms.
        private string BestImage(string portable)
        {
            var image = Path.Combine(compiled, Path.GetFileName(portable));
            return File.Exists(image) ? image : portable;
        }

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
    }
}
