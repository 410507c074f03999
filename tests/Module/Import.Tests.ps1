BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    $script:packages = Join-Path ($env:NUGET_PACKAGES ?? (Join-Path $HOME '.nuget/packages')) ''
}

Describe 'Importing the module' {
    It 'has a valid manifest' {
        Invoke-FreshShell '(Test-ModuleManifest $manifest).ExportedCmdlets.Count' | Should -Be 29
    }

    It 'has a valid manifest after the module is imported' {
        Invoke-FreshShell 'Import-Module $manifest; (Test-ModuleManifest $manifest).Name' | Should -Be 'MaintenanceOps'
    }

    It 'keeps its commands when it is imported twice with -Force' {
        Invoke-FreshShell 'Import-Module $manifest; Import-Module $manifest -Force; Import-Module $manifest -Force; (Get-Command -Module MaintenanceOps).Count' | Should -Be 29
    }

    It 'works after it was removed and imported again' {
        Invoke-FreshShell @'
Import-Module $manifest; Remove-Module MaintenanceOps; Import-Module $manifest
try { Get-Snapshot -Repository /nowhere/at/all } catch { $_.FullyQualifiedErrorId }
'@ | Should -BeLike 'RepositoryNotFound*'
    }

    It 'knows its types by literal, and enums without the engine' {
        Invoke-FreshShell 'Import-Module $manifest; [MaintenanceOps.Snapshot].Name; [MaintenanceOps.VerificationLevel]::Restore' | Should -Be 'Snapshot', 'Restore'
    }

    It 'does not load the engine before a command needs it' {
        Invoke-FreshShell 'Import-Module $manifest; @([AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -in "MaintenanceOps.Engine", "AWSSDK.Core" }).Count' | Should -Be 0
    }

    It 'imports in 150 ms or less (median of five)' {
        $times = 1..5 | ForEach-Object { [double](Invoke-FreshShell '$w = [Diagnostics.Stopwatch]::StartNew(); Import-Module $manifest; $w.Elapsed.TotalMilliseconds.ToString("f1", [cultureinfo]::InvariantCulture)') }
        $median = ($times | Sort-Object)[2]
        Write-Information "      import: $median ms" -InformationAction Continue
        # Other work on the machine must not turn a figure into a failure; three times the bar is no noise any more.
        $median | Should -BeLessThan 450
    }
}

Describe 'A foreign version of the same libraries in the session' {
    BeforeAll {
        New-TestDatabase -Path (Join-Path $TestDrive 'app.db')
        $foreign = Get-ChildItem $packages -Filter 'Microsoft.Data.Sqlite.dll' -Recurse -ErrorAction Ignore |
            Where-Object FullName -Match 'microsoft\.data\.sqlite\.core' | Select-Object -Last 1
        $core = Get-ChildItem $packages -Filter 'SQLitePCLRaw.core.dll' -Recurse -ErrorAction Ignore | Select-Object -Last 1
        $yaml = Get-ChildItem $packages -Filter 'YamlDotNet.dll' -Recurse -ErrorAction Ignore | Where-Object FullName -Match 'net8.0|net6.0|netstandard2' | Select-Object -Last 1
        $script:use = 'Invoke-DbBackup ./app.db -Repository ./r -Initialize | Test-Snapshot -Level Restore | ForEach-Object Passed'
        # A folder of its own, so that nothing is found by being a neighbour; the same name in the default context.
        $folder = (New-Item -ItemType Directory (Join-Path $TestDrive 'foreign')).FullName
        if ($foreign) { Copy-Item $foreign.FullName, $core.FullName $folder }
        if ($yaml) { Copy-Item $yaml.FullName $folder }
    }

    BeforeEach {
        Remove-Item (Join-Path $TestDrive 'r') -Recurse -Force -ErrorAction Ignore
    }

    It 'may be loaded <When>' -ForEach @(@{ When = 'before' }, @{ When = 'after' }) {
        if (-not $foreign) { Set-ItResult -Skipped -Because 'no Microsoft.Data.Sqlite is in the package cache' ; return }
        $load = "Add-Type -Path '$folder/SQLitePCLRaw.core.dll'; Add-Type -Path '$folder/Microsoft.Data.Sqlite.dll'"
        if ($yaml) { $load += "; Add-Type -Path '$folder/YamlDotNet.dll'" }
        $script = $When -eq 'before' ? "$load`nImport-Module `$manifest`n$use" : "Import-Module `$manifest`n$load`n$use"
        $script += "`n@([AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { `$_.GetName().Name -eq 'Microsoft.Data.Sqlite' }).Count"
        Invoke-FreshShell $script -WorkingDirectory $TestDrive | Should -Be 'True', '2'
    }
}
