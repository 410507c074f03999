<#
.SYNOPSIS
    Runs the Pester tests of a built module; ends with 1 when one fails, or when Pester is missing and required.
#>
[CmdletBinding()]
param(
    # The manifest of the built module.
    [Parameter(Mandatory)]
    [string] $Manifest,

    # Runs only tests whose files match.
    [string] $Name = '*.Tests.ps1'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

if (-not (Get-Module -ListAvailable Pester | Where-Object Version -ge '5.5')) {
    Write-Output 'SKIPPED: Pester 5 is not installed, so the module was not tested in PowerShell.'
    exit ($env:MAINTENANCEOPS_REQUIRE -split ',' -contains 'pester' ? 1 : 0)
}

Import-Module Pester -MinimumVersion 5.5
$env:MAINTENANCEOPS_TEST_MANIFEST = (Resolve-Path $Manifest).Path
Remove-Item Env:MAINTENANCEOPS_REPOSITORY, Env:MAINTENANCEOPS_PASSPHRASE, Env:MAINTENANCEOPS_PASSPHRASE_FILE -ErrorAction Ignore

# What is remembered from run to run is the user's own; the tests have theirs.
$env:MAINTENANCEOPS_STATE = Join-Path ([IO.Path]::GetTempPath()) "mops-state-$PID"

$configuration = New-PesterConfiguration
$configuration.Run.Path = (Get-ChildItem $PSScriptRoot -Filter $Name).FullName
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
$result = Invoke-Pester -Configuration $configuration
Remove-Item $env:MAINTENANCEOPS_STATE -Recurse -Force -ErrorAction Ignore
exit ($result.Result -eq 'Passed' ? 0 : 1)
