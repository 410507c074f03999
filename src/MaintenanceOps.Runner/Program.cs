using System.Reflection;
using System.Runtime.CompilerServices;

namespace MaintenanceOps.Runner;

internal static class Program
{
    private static int Main(string[] args)
    {
        // Monitoring asks for the version often, so this path loads neither the parser nor the engine.
        if (args is ["--version"])
        {
            Console.Out.WriteLine(Version());
            return 0;
        }

        return Run(args);
    }

    private static string Version() =>
        (typeof(Program).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Run(string[] args)
    {
        Cli.NativeHeap.KeepFreedMemory();
        return Cli.ArchiveShortcut.TryRun(args, out var exit) ? exit : Cli.CommandLine.Run(args);
    }
}
