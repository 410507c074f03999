using System.Runtime.CompilerServices;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Tests block threads of the pool; timers, by which others cancel, must not wait behind them.</summary>
internal static class ThreadsForTests
{
    [ModuleInitializer]
    internal static void MakeRoom() => ThreadPool.SetMinThreads(32, 32);
}
