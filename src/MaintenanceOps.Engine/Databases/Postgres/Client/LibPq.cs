using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>
/// A replication connection through PostgreSQL's own client library. It knows every way to log in and to encrypt; .NET's
/// driver has no base backup. Only what a base backup asks for is here ("Streaming Replication Protocol" in the manual).
/// </summary>
internal sealed partial class LibPq : IDisposable
{
    private const string Library = "libpq";
    private const int ConnectionOk = 0;
    private const int CommandOk = 1;
    private const int TuplesOk = 2;
    private const int CopyOut = 3;
    private static readonly Lazy<bool> isInstalled = new(Load);
    private static nint library;
    private readonly Lock ending = new();
    private readonly string place;
    private nint connection;

    private LibPq(nint connection, string place)
    {
        this.connection = connection;
        this.place = place;
    }

    /// <summary>Whether the library is on this machine; it comes with the client programs.</summary>
    public static bool IsInstalled => isInstalled.Value;

    /// <summary>Connects for replication.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/>.</exception>
    public static LibPq Connect(PostgresServer server)
    {
        var parameters = new Dictionary<string, string>(server.ClientParameters()) { ["replication"] = "true" };
        var handle = Open([.. parameters.Keys, null], [.. parameters.Values, null], 0);
        var opened = new LibPq(handle, server.Describe());
        unsafe
        {
            // What the server remarks on goes nowhere; the library would write it to our error output.
            _ = SetNoticeProcessor(handle, &Ignore, 0);
        }

        if (handle != 0 && Status(handle) == ConnectionOk)
        {
            return opened;
        }

        var words = opened.Complaint();
        opened.Dispose();
        throw new MaintenanceException(ErrorCode.ServerUnavailable, $"{server.Describe()} allows no replication: {words}. The user needs the right REPLICATION, and the server max_wal_senders above 0 and a line for 'replication' in pg_hba.conf.", server.Describe());
    }

    /// <summary>Sends a command and takes its results up to the one that begins to copy.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>.</exception>
    public void StartCopy(string command)
    {
        if (Send(connection, command) == 0)
        {
            throw Failure();
        }

        while (Next() is { } status)
        {
            if (status == CopyOut)
            {
                return;
            }
        }

        throw new MaintenanceException(ErrorCode.ClientToolFailed, $"{place} sent no backup.", place);
    }

    /// <summary>The next message of the copy, which is valid until the next call; null at its end, when the server has said that all went well.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ClientToolFailed"/>, with the server's words.</exception>
    public unsafe UnmanagedMessage? Read()
    {
        var length = GetCopyData(connection, out var buffer, 0);
        if (length > 0)
        {
            return new UnmanagedMessage(buffer, length);
        }

        if (length < -1)
        {
            throw Failure();
        }

        while (Next() is not null)
        {
            // The end of the log, then the word that the command is complete; an error throws.
        }

        return null;
    }

    /// <summary>Asks the server to end what it is doing; may be called from any thread.</summary>
    public void Cancel()
    {
        lock (ending)
        {
            if (connection == 0)
            {
                return;
            }

            var cancel = GetCancel(connection);
            Span<byte> words = stackalloc byte[256];
            _ = SendCancel(cancel, ref MemoryMarshal.GetReference(words), words.Length);
            FreeCancel(cancel);
        }
    }

    public void Dispose()
    {
        lock (ending)
        {
            if (connection != 0)
            {
                Finish(connection);
                connection = 0;
            }
        }
    }

    /// <summary>The status of the next result; null where there is none left.</summary>
    private int? Next()
    {
        var result = GetResult(connection);
        if (result == 0)
        {
            return null;
        }

        var status = ResultStatus(result);
        Clear(result);
        return status is CommandOk or TuplesOk or CopyOut ? status : throw Failure();
    }

    private MaintenanceException Failure() => new(ErrorCode.ClientToolFailed, $"{place} ended the base backup: {Complaint()}. No snapshot was taken.", place);

    private string Complaint() => connection == 0
        ? "no memory"
        : (Marshal.PtrToStringUTF8(ErrorMessage(connection)) ?? "").Trim().ReplaceLineEndings("; ").TrimEnd('.');

    private static bool Load()
    {
        NativeLibrary.SetDllImportResolver(typeof(LibPq).Assembly, (name, _, _) => name == Library ? library : 0);
        string[] names = OperatingSystem.IsWindows() ? ["libpq.dll"]
            : OperatingSystem.IsMacOS() ? ["libpq.5.dylib", "/opt/homebrew/opt/libpq/lib/libpq.5.dylib", "/usr/local/opt/libpq/lib/libpq.5.dylib"]
            : ["libpq.so.5"];
        return names.Any(name => NativeLibrary.TryLoad(name, out library));
    }

    [LibraryImport(Library, EntryPoint = "PQconnectdbParams", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint Open(string?[] keywords, string?[] values, int expandDatabaseName);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Ignore(nint argument, nint message)
    {
    }

    [LibraryImport(Library, EntryPoint = "PQsetNoticeProcessor")]
    private static unsafe partial nint SetNoticeProcessor(nint connection, delegate* unmanaged[Cdecl]<nint, nint, void> processor, nint argument);

    [LibraryImport(Library, EntryPoint = "PQstatus")]
    private static partial int Status(nint connection);

    [LibraryImport(Library, EntryPoint = "PQerrorMessage")]
    private static partial nint ErrorMessage(nint connection);

    [LibraryImport(Library, EntryPoint = "PQsendQuery", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Send(nint connection, string command);

    [LibraryImport(Library, EntryPoint = "PQgetResult")]
    private static partial nint GetResult(nint connection);

    [LibraryImport(Library, EntryPoint = "PQresultStatus")]
    private static partial int ResultStatus(nint result);

    [LibraryImport(Library, EntryPoint = "PQclear")]
    private static partial void Clear(nint result);

    [LibraryImport(Library, EntryPoint = "PQgetCopyData")]
    private static partial int GetCopyData(nint connection, out nint buffer, int async);

    [LibraryImport(Library, EntryPoint = "PQfreemem")]
    private static partial void FreeMemory(nint buffer);

    [LibraryImport(Library, EntryPoint = "PQgetCancel")]
    private static partial nint GetCancel(nint connection);

    [LibraryImport(Library, EntryPoint = "PQcancel")]
    private static partial int SendCancel(nint cancel, ref byte words, int size);

    [LibraryImport(Library, EntryPoint = "PQfreeCancel")]
    private static partial void FreeCancel(nint cancel);

    [LibraryImport(Library, EntryPoint = "PQfinish")]
    private static partial void Finish(nint connection);

    /// <summary>A message in the library's memory, to be given back.</summary>
    public readonly unsafe struct UnmanagedMessage(nint buffer, int length) : IDisposable
    {
        public ReadOnlySpan<byte> Bytes => new((void*)buffer, length);

        public void Dispose() => FreeMemory(buffer);
    }
}
