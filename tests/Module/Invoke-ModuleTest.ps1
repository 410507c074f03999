<#
.SYNOPSIS
    Runs the Pester tests of a built module; ends with 1 when one fails.
#>
[CmdletBinding()]
param(
    # The manifest of the built module.
    [Parameter(Mandatory)]
    [string] $Manifest,

    # The manifest of Pester 5.5 or newer; the one that PowerShell finds where it is left out.
    [string] $Pester = 'Pester',

    # Runs only tests whose files match.
    [string] $Name = '*.Tests.ps1',

    # A file that gets how each test ended, as JSON.
    [string] $Result
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

Import-Module $Pester -MinimumVersion 5.5
$env:MAINTENANCEOPS_TEST_MANIFEST = (Resolve-Path $Manifest).Path
Remove-Item Env:MAINTENANCEOPS_REPOSITORY, Env:MAINTENANCEOPS_PASSPHRASE, Env:MAINTENANCEOPS_PASSPHRASE_FILE -ErrorAction Ignore

# What is remembered from run to run is the user's own; the tests have theirs.
$env:MAINTENANCEOPS_STATE = Join-Path ([IO.Path]::GetTempPath()) "mops-state-$PID"

$configuration = New-PesterConfiguration
$configuration.Run.Path = (Get-ChildItem $PSScriptRoot -Filter $Name).FullName
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
$run = Invoke-Pester -Configuration $configuration
Remove-Item $env:MAINTENANCEOPS_STATE -Recurse -Force -ErrorAction Ignore

if ($Result) {
    $seen = @{}
    $tests = foreach ($test in $run.Tests) {
        $file = [IO.Path]::GetFileName($test.ScriptBlock.File)
        $name = "${file}: $($test.ExpandedPath)"
        $seen[$name] = 1 + [int]$seen[$name]
        [pscustomobject]@{
            name    = $seen[$name] -gt 1 ? "$name ($($seen[$name]))" : $name
            outcome = "$($test.Result)"
            message = ($test.ErrorRecord | ForEach-Object { $_.DisplayErrorMessage ?? "$_" }) -join "`n"
        }
    }

    # A file that cannot be read has no tests.
    $broken = foreach ($container in $run.Containers | Where-Object { $_.ErrorRecord }) {
        [pscustomobject]@{ name = "$($container.Item)"; outcome = 'Failed'; message = "$($container.ErrorRecord)" }
    }

    ConvertTo-Json -InputObject @($tests; $broken) | Set-Content -LiteralPath $Result
}

exit ($run.Result -eq 'Passed' ? 0 : 1)
