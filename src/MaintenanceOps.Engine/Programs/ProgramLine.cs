namespace MaintenanceOps.Engine.Programs;

/// <summary>What a user wants to be run: a program and its arguments, or a line for the system's shell.</summary>
public sealed record ProgramLine
{
    private readonly string line;
    private readonly IReadOnlyList<string>? arguments;

    private ProgramLine(string line, IReadOnlyList<string>? arguments)
    {
        this.line = line;
        this.arguments = arguments;
    }

    /// <summary>A program, started as it is, without a shell.</summary>
    public static ProgramLine Of(string program, IReadOnlyList<string> arguments) => new(program, arguments);

    /// <summary>A line that the shell reads: <c>sh</c>, or <c>cmd</c> on Windows.</summary>
    public static ProgramLine Shell(string line) => new(line, null);

    /// <summary>The program in words. Its arguments may hold a secret, so only the first word is told; a few digits tell two lines apart.</summary>
    public override string ToString()
    {
        var whole = string.Join(' ', [line, .. arguments ?? []]);
        var program = arguments is null ? line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(w => !w.Contains('=', StringComparison.Ordinal)) ?? "…" : line;
        return program == whole ? program : $"{program} …#{ShortHash.Of(whole)}";
    }

    internal (string File, IReadOnlyList<string> Arguments) Words() => arguments is not null
        ? (line, arguments)
        : OperatingSystem.IsWindows() ? ("cmd.exe", ["/d", "/c", line]) : ("/bin/sh", ["-c", line]);
}
