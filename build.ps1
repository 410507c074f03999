#!/usr/bin/env pwsh
<#
.SYNOPSIS
    Builds, tests, packs or installs MaintenanceOps.
.EXAMPLE
    ./build.ps1 -Task Test
#>
[CmdletBinding()]
param(
    # Build leaves the module in out/MaintenanceOps/<version>/; Test builds and runs all tests; Pack makes the .nupkg
    # in out/; Install copies the module to where this user's PowerShell finds it.
    [ValidateSet('Build', 'Test', 'Pack', 'Install')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release'
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true

$root = $PSScriptRoot
$module = Join-Path $root 'Module/Module.csproj'
dotnet build $module --configuration $Configuration --nologo
$version = (dotnet msbuild $module -getProperty:Version).Trim()
$out = Join-Path $root "out/MaintenanceOps/$version"

switch ($Task) {
    'Test' {
        dotnet test (Join-Path $root 'MaintenanceOps.sln') --configuration $Configuration --nologo
    }
    'Pack' {
        dotnet pack $module --configuration $Configuration --no-build --nologo
    }
    'Install' {
        $modules = ($env:PSModulePath -split [IO.Path]::PathSeparator)[0]
        $target = Join-Path $modules "MaintenanceOps/$version"
        if (Test-Path $target) {
            Remove-Item $target -Recurse -Force
        }

        $null = New-Item -ItemType Directory -Path (Split-Path $target) -Force
        Copy-Item $out $target -Recurse
        Get-Module -ListAvailable (Join-Path $target 'MaintenanceOps.psd1')
    }
}
