using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>
/// Lets the writes to one file of a connection fail once a token is cancelled, as they would on a full disk. What a VACUUM copies
/// at its end SQLite copies in one go and looks for no interruption; a write that fails it undoes like that of any transaction.
/// </summary>
internal sealed unsafe class WriteStop : IDisposable
{
    private readonly nint* place;
    private readonly nint methods;
    private readonly Gate* gate;
    private readonly CancellationTokenRegistration registration;

    private WriteStop(nint* place, CancellationToken cancellation)
    {
        this.place = place;
        methods = *place;
        gate = (Gate*)NativeMemory.AllocZeroed((nuint)sizeof(Gate));
        gate->Methods = *(SqliteNative.IoMethods*)methods;
        gate->Write = gate->Methods.Write;
        gate->Methods.Write = &WriteUnlessStopped;
        *place = (nint)gate;
        registration = cancellation.Register(() => Volatile.Write(ref gate->IsStopped, 1));
    }

    /// <summary>Takes effect until it is disposed of; the connection works on one thread, and is closed later.</summary>
    /// <returns>Null where the file is not open.</returns>
    public static WriteStop? On(SqliteFile file, CancellationToken cancellation) => file.IsOpen ? new WriteStop(file.MethodsAt, cancellation) : null;

    public void Dispose()
    {
        // Waits for a cancellation under way.
        registration.Dispose();
        *place = methods;
        NativeMemory.Free(gate);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int WriteUnlessStopped(nint file, void* bytes, int count, long offset)
    {
        var gate = *(Gate**)file;
        return Volatile.Read(ref gate->IsStopped) != 0 ? SqliteNative.Full : gate->Write(file, bytes, count, offset);
    }

    /// <summary>What the file points to in place of its own methods: a copy of them comes first.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Gate
    {
        public SqliteNative.IoMethods Methods;
        public delegate* unmanaged[Cdecl]<nint, void*, int, long, int> Write;
        public int IsStopped;
    }
}
