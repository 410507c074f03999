namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>A process's command line and program, and whether a name fits them.</summary>
/// <param name="text">The words, each ended by a zero byte, or a title in their place.</param>
/// <param name="program">The file that it runs; null where that is not known.</param>
internal sealed class CommandLine(string text, string? program)
{
    /// <summary>Programs that run others: of <c>python3 app.py</c> the name is app.py. Version numbers at the end do not count.</summary>
    private static readonly string[] Interpreters =
        ["python", "pypy", "node", "nodejs", "deno", "bun", "ruby", "perl", "php", "lua", "bash", "sh", "dash", "zsh", "ksh", "ash", "fish", "java", "dotnet", "mono", "pwsh", "Rscript", "tclsh", "guile", "uv", "env"];

    /// <summary>Options whose value is the program itself.</summary>
    private static readonly string[] ProgramOptions = ["-m", "-jar", "-File", "-file"];

    /// <summary>Options whose value is something else.</summary>
    private static readonly string[] ValueOptions = ["-W", "-X", "-r", "--require", "--import", "--loader", "-cp", "-classpath", "--class-path"];

    /// <summary>Options whose value is a text to run: then there is no script.</summary>
    private static readonly string[] TextOptions = ["-c", "-e", "-p", "--eval", "-Command", "-command"];

    private readonly string[] arguments = text.TrimEnd('\0', ' ').Split('\0');

    /// <summary>
    /// Whether a name is one of: the program's file; the first word; the script that an interpreter runs; the beginning
    /// of the command line, in which options may be left out; or a part of a title such as <c>postgres: checkpointer</c>.
    /// A command line that only contains the words, as an editor's does, is not called so.
    /// </summary>
    public bool IsCalled(string name)
    {
        var words = name.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 1
            ? BeginsWith(words)
            : Is(program, name) || (arguments[0].Length > 0 && (Is(arguments[0], name) || Is(Script(), name)));
    }

    private static bool Is(string? word, string name) =>
        word is not null && (word == name || (word.EndsWith(name, StringComparison.Ordinal) && word[..^name.Length].EndsWith('/')));

    private bool BeginsWith(string[] name)
    {
        // A title is one word to the system, and many to its reader.
        var words = string.Join(' ', arguments).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0 || !(Is(words[0], name[0]) || Is(program, name[0]) || IsSameInterpreter(words[0], name[0])))
        {
            return false;
        }

        // What a program says of itself has names of its own in between: "postgres: 15/main: checkpointer".
        var wanted = name.AsSpan(1);
        var rest = words.AsSpan(1);
        if (name[0].EndsWith(':'))
        {
            for (; rest.Length >= wanted.Length; rest = rest[1..])
            {
                if (rest[..wanted.Length].SequenceEqual(wanted))
                {
                    return true;
                }
            }

            return false;
        }

        foreach (var word in wanted)
        {
            while (rest.Length > 0 && !Is(rest[0], word) && rest[0].StartsWith('-'))
            {
                rest = rest[1..];
            }

            if (rest.Length == 0 || !Is(rest[0], word))
            {
                return false;
            }

            rest = rest[1..];
        }

        return true;
    }

    /// <summary>What an interpreter runs; null where it is none, or runs a text.</summary>
    private string? Script()
    {
        if (!IsInterpreter(arguments[0]) && (program is null || !IsInterpreter(program)))
        {
            return null;
        }

        for (var i = 1; i < arguments.Length; i++)
        {
            var word = arguments[i];
            if (TextOptions.Contains(word))
            {
                return null;
            }

            if (ProgramOptions.Contains(word))
            {
                return i + 1 < arguments.Length ? arguments[i + 1] : null;
            }

            if (ValueOptions.Contains(word))
            {
                i++;
            }
            else if (!word.StartsWith('-') && !word.Contains('=', StringComparison.Ordinal))
            {
                // A word with = is a setting, as of env or php -d.
                return word;
            }
        }

        return null;
    }

    private static bool IsInterpreter(string word) => Interpreters.Contains(WithoutVersion(word));

    /// <summary>Whoever writes python3 means the python3.11 that runs.</summary>
    private static bool IsSameInterpreter(string a, string b) => IsInterpreter(a) && WithoutVersion(a) == WithoutVersion(b);

    private static string WithoutVersion(string word) => Path.GetFileName(word).TrimEnd('.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9');
}
