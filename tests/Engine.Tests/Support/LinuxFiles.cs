using System.Diagnostics;
using System.Net.Sockets;
using MaintenanceOps.Engine.Files;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Makes what .NET cannot: attributes, pipes, sockets, devices, times of any year, names of any bytes.</summary>
internal static class LinuxFiles
{
    public static void Run(string program, params string[] arguments)
    {
        var (code, output) = Try(program, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)}: {output}");
    }

    public static (int Code, string Output) Try(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    /// <summary>Sets attributes and the time of a file or folder, as a restore does.</summary>
    /// <returns>What could not be set.</returns>
    public static IReadOnlyList<string> Set(string path, FileTime? modified, params ExtendedAttribute[] attributes)
    {
        var problems = new AttributeProblems();
        var facts = TreeAccess.Current.Facts(path)!.Value;
        var entry = new FileEntry { Path = path, Kind = facts.Kind, Modified = modified ?? facts.Modified, Attributes = attributes };
        if (facts.Kind == EntryKind.Folder)
        {
            using var folder = TreeAccess.Current.OpenFolder(path);
            folder.ApplySelf(entry, problems);
        }
        else
        {
            using var file = TreeAccess.Current.OpenRead(path);
            LinuxAttributeWriter.Apply(file, entry, problems);
        }

        return problems.Tell();
    }

    /// <summary>Whether the volume of a folder keeps attributes of users.</summary>
    public static bool KeepAttributes(string folder)
    {
        var probe = Path.Combine(folder, "probe");
        File.WriteAllText(probe, "");
        var told = Set(probe, null, new ExtendedAttribute("user.probe", [1]));
        File.Delete(probe);
        return told.Count == 0;
    }

    public static void Pipe(string path) => Run("mkfifo", path);

    public static void Socket(string path)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path + ".tmp"));

        // .NET removes the file of a socket that it closes, but not under another name.
        File.Move(path + ".tmp", path);
    }

    /// <summary>A file whose name is given as bytes in octal, as printf(1) takes it.</summary>
    public static void Write(string folder, string octalName, string content) =>
        Run("sh", "-c", $"printf '%s' \"$2\" > \"$1/$(printf -- '{octalName}')\"", "sh", folder, content);
}
