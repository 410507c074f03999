using System.Text;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Runner.Cli;

/// <summary>Asks a person for a passphrase without showing it. Nobody is asked where nobody sits.</summary>
internal static class PassphrasePrompt
{
    private const char CtrlC = '\u0003';

    public static bool IsPossible => !Console.IsInputRedirected && !Console.IsErrorRedirected;

    /// <summary>Asks twice, because a passphrase with a slip in it locks its owner out.</summary>
    public static Passphrase AskNew(string question)
    {
        if (!IsPossible)
        {
            throw new MaintenanceException(
                ErrorCode.PassphraseRequired,
                "Nobody is there to ask for a passphrase. Give it in a file with --key-file, or in MAINTENANCEOPS_PASSPHRASE_FILE or MAINTENANCEOPS_PASSPHRASE.");
        }

        var first = Read(question);
        return first == Read("The same again: ")
            ? Passphrase.FromText(first)
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "The two passphrases are not the same.");
    }

    public static Passphrase Ask(string question) => Passphrase.FromText(Read(question));

    private static string Read(string question)
    {
        Console.Error.Write(question);
        var text = new StringBuilder();

        // As input, Ctrl+C ends the question at once; as a signal it would wait for the next key.
        Console.TreatControlCAsInput = true;
        try
        {
            while (true)
            {
                var key = Console.ReadKey(intercept: true);
                switch (key)
                {
                    case { Key: ConsoleKey.Enter }:
                        return text.ToString();
                    case { KeyChar: CtrlC }:
                        throw new OperationCanceledException();
                    case { Key: ConsoleKey.Backspace }:
                        text.Length -= text.Length > 0 ? 1 : 0;
                        break;
                    case { KeyChar: >= ' ' }:
                        text.Append(key.KeyChar);
                        break;
                }
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
            Console.Error.WriteLine();
        }
    }
}
