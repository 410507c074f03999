namespace MaintenanceOps.Runner.Cli;

/// <summary>
/// Scripts that ask <c>mops [suggest:POSITION] LINE</c> for what fits. Options are offered only once a dash was typed:
/// an empty word is more often a path, which the shell completes by itself.
/// </summary>
internal static class CompletionScripts
{
    public static string For(string shell) => shell switch
    {
        "bash" => Bash,
        "zsh" => Zsh,
        "fish" => Fish,
        _ => PowerShell,
    };

    private const string Bash = """
        # bash completion of mops
        _mops() {
            local word="${COMP_WORDS[COMP_CWORD]}" line
            COMPREPLY=()
            while IFS= read -r line; do
                [[ $line == -* && $word != -* ]] && continue
                [[ $line == "$word"* ]] && COMPREPLY+=("$line")
            done < <("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
        }
        complete -o default -F _mops mops

        """;

    private const string Zsh = """
        #compdef mops
        # zsh completion of mops
        _mops() {
            local -a found
            local line
            for line in ${(f)"$(${words[1]} "[suggest:${#BUFFER}]" "${BUFFER}" 2>/dev/null)"}; do
                [[ $line == -* && ${words[CURRENT]} != -* ]] && continue
                found+=("$line")
            done
            compadd -a found
            [[ ${words[CURRENT]} == -* ]] || _files
        }
        if [ "$funcstack[1]" = "_mops" ]; then _mops "$@"; else compdef _mops mops; fi

        """;

    private const string Fish = """
        # fish completion of mops
        function __mops_complete
            set -l line (commandline -cp)
            set -l word (commandline -ct)
            for found in (mops "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)
                if string match -q -- '-*' $found; and not string match -q -- '-*' $word
                    continue
                end
                echo $found
            end
        end
        complete -c mops -a '(__mops_complete)'

        """;

    private const string PowerShell = """
        # PowerShell completion of mops
        Register-ArgumentCompleter -Native -CommandName mops -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $line = $commandAst.ToString().PadRight($cursorPosition - $commandAst.Extent.StartOffset)
            mops "[suggest:$($line.Length)]" $line 2>$null |
                Where-Object { $_.StartsWith($wordToComplete) -and ($wordToComplete.StartsWith('-') -or -not $_.StartsWith('-')) } |
                ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
        }

        """;
}
