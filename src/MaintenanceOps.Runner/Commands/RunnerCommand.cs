using System.CommandLine;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

/// <summary>A command that does something: it reads its options, calls the engine once, and writes what came of it.</summary>
internal abstract class RunnerCommand : Command
{
    protected RunnerCommand(string name, string description, params string[] examples)
        : base(name, description)
    {
        Examples = examples;
        SetAction(result => RunnerContext.Run(result, Execute));
    }

    /// <summary>What its help shows; never empty.</summary>
    public IReadOnlyList<string> Examples { get; }

    protected abstract ExitCode Execute(RunnerContext context);

    protected void Use(params IEnumerable<Symbol> symbols)
    {
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                Arguments.Add(argument);
            }
            else
            {
                Options.Add((Option)symbol);
            }
        }
    }
}
