using System.CommandLine;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

internal sealed class CompletionCommand : RunnerCommand
{
    private static readonly Argument<string> Shell = new Argument<string>("shell") { Description = "bash, zsh, fish or pwsh." }.AcceptOnlyFromAmong("bash", "zsh", "fish", "pwsh");

    public CompletionCommand()
        : base(
            "completion",
            "Print a script that makes a shell complete commands, options, sources and snapshot ids.",
            "mops completion bash > /etc/bash_completion.d/mops",
            "mops completion zsh > ~/.zfunc/_mops",
            "mops completion fish > ~/.config/fish/completions/mops.fish",
            "mops completion pwsh | Out-String | Invoke-Expression") =>
        Use(Shell);

    protected override ExitCode Execute(RunnerContext context)
    {
        context.Output.Raw(CompletionScripts.For(context.Get(Shell)!));
        return ExitCode.Done;
    }
}
