BeforeDiscovery {
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    # Every command that can change something, found by its own parameters: a new one without a case below fails.
    $script:mutators = Get-Command -Module MaintenanceOps | Where-Object { $_.Parameters.ContainsKey('WhatIf') } | ForEach-Object { @{ Name = $_.Name } }
}

BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    $script:start = $PWD
    Set-Location $TestDrive
    $secret = ConvertTo-TestSecret 'horse staple'
    New-TestDatabase -Path (Join-Path $TestDrive 'app.db')
    $null = New-Item -ItemType File -Force tree/one.txt -Value one
    1..3 | ForEach-Object { Invoke-DbBackup ./app.db -Repository ./r -Initialize | Out-Null }
    Invoke-FileBackup ./tree -Repository ./r -Source files | Out-Null
    New-SnapshotRepository ./encrypted -Passphrase $secret | Out-Null
    $key = Add-SnapshotRepositoryKey ./encrypted -Passphrase $secret -NewPassphrase (ConvertTo-TestSecret 'another')

    $script:cases = @{
        'New-MaintenanceProxyConfig'   = { New-MaintenanceProxyConfig Nginx -FlagPath /run/app.flag -OutputPath ./proxy -WhatIf; New-MaintenanceProxyConfig Traefik -FlagPath /run/app.flag -OutputPath ./proxy -Force -WhatIf }
        'New-SnapshotRepository'       = { New-SnapshotRepository ./new -WhatIf }
        'Optimize-SnapshotRepository'  = { Optimize-SnapshotRepository ./r -WhatIf }
        'Add-SnapshotRepositoryKey'    = { Add-SnapshotRepositoryKey ./encrypted -Passphrase $secret -NewPassphrase $secret -WhatIf }
        'Remove-SnapshotRepositoryKey' = { Remove-SnapshotRepositoryKey ./encrypted -Passphrase $secret -KeyId $key.Id -WhatIf }
        'Invoke-DbBackup'              = { Invoke-DbBackup ./app.db -Repository ./r -WhatIf; Invoke-DbBackup ./app.db -Repository ./new -Initialize -WhatIf }
        'Invoke-FileBackup'            = { Invoke-FileBackup ./tree -Repository ./r -WhatIf; Invoke-FileBackup ./tree -Repository ./new -Initialize -WhatIf }
        'Restore-Snapshot'             = {
            Get-Snapshot ./r -Source app.db -Latest | Restore-Snapshot -InPlace -Force -WhatIf
            Get-Snapshot ./r -Source app.db -Latest | Restore-Snapshot -Destination ./new/other.db -WhatIf
            Get-Snapshot ./r -Source app.db -Latest | Restore-Snapshot -Table notes -As old -WhatIf
            Get-Snapshot ./r -Source files -Latest | Restore-Snapshot -InPlace -Force -WhatIf
            Get-Snapshot ./r -Source files -Latest | Get-SnapshotItem | Restore-Snapshot -Destination ./new -WhatIf
        }
        'Copy-Snapshot'                = { Get-Snapshot ./r | Copy-Snapshot -Destination ./new -Initialize -WhatIf; Get-Snapshot ./r | Copy-Snapshot -Destination ./encrypted -DestinationPassphrase $secret -WhatIf }
        'Export-Snapshot'              = { Get-Snapshot ./r -Source app.db -Latest | Export-Snapshot -Destination ./app.db -Force -WhatIf; Get-Snapshot ./r -Source app.db -Latest | Export-Snapshot -Destination ./new.tgz -WhatIf }
        # Without a server it fails before it could change anything; what it would set on one is asked in the engine's tests.
        'Enable-WalArchive'            = { Enable-WalArchive 'Host=/nowhere;Username=nobody' -Repository ./r -WhatIf -ErrorAction SilentlyContinue }
        'Optimize-Database'            = { Optimize-Database ./app.db -WhatIf; Optimize-Database ./app.db -Step Vacuum, Analyze, Reindex -Force -WhatIf; Get-DatabaseHealth ./app.db | Where-Object Action | Optimize-Database -WhatIf }
        'Set-MaintenanceMode'          = {
            Set-MaintenanceMode ./closed.flag -Enabled -WhatIf
            Set-MaintenanceMode ./closed.flag -Extend -WhatIf
            Set-MaintenanceMode ./closed.flag { New-Item ./ran } -WhatIf
            Set-MaintenanceMode ./tree/one.txt -Enabled:$false -All -WhatIf
            Set-MaintenanceMode ./closed.flag -Enabled -Announce 'touch ./announced' -DrainCommand 'touch ./drained' -WhatIf
        }
        'Remove-Snapshot'              = { Get-Snapshot ./r | Remove-Snapshot -WhatIf }
        'Invoke-SnapshotRetention'     = { Get-Snapshot ./r | Invoke-SnapshotRetention -KeepLast 1 -Prune -Force -WhatIf }
    }
}

AfterAll {
    Set-Location $start
}

Describe '-WhatIf' {
    It '<Name> changes nothing' -ForEach $mutators {
        $cases.ContainsKey($Name) | Should -BeTrue -Because 'each command that changes something needs a case here'
        $before = Get-TreeHash $TestDrive
        & $cases[$Name] *> $null
        Get-TreeHash $TestDrive | Should -Be $before
    }

    It 'as a preference changes nothing either' {
        $before = Get-TreeHash $TestDrive
        $WhatIfPreference = $true
        Get-Snapshot ./r | Remove-Snapshot *> $null
        Get-Snapshot ./r | Invoke-SnapshotRetention -KeepLast 1 *> $null
        $WhatIfPreference = $false
        Get-TreeHash $TestDrive | Should -Be $before
    }

    It 'tells what a restore would write' {
        $lines = Invoke-FreshShell 'Import-Module $manifest; Get-Snapshot ./r -Source files -Latest | Restore-Snapshot -Destination ./new -WhatIf' -WorkingDirectory $TestDrive
        $lines -join ' ' | Should -Match 'What if: .*Restore snapshot [0-9a-f]{8} of ''files'' \(3 B in 2 items\)'
    }

    It 'gives the plan of a prune and of a retention as objects' {
        (Optimize-SnapshotRepository ./r -WhatIf 6> $null).DryRun | Should -BeTrue
        $decisions = Get-Snapshot ./r -Source app.db | Invoke-SnapshotRetention -KeepLast 1 -WhatIf
        @($decisions | Where-Object Keep -EQ $false) | Should -Not -BeNullOrEmpty
        $decisions.Removed | Should -Not -Contain $true
    }
}

Describe 'Confirmation' {
    It 'is not asked for by a restore to a new place, and is refused by a shell that cannot ask for one in place' {
        $lines = Invoke-FreshShell -WorkingDirectory $TestDrive @'
Import-Module $manifest
$s = Get-Snapshot ./r -Source app.db -Latest
($s | Restore-Snapshot -Destination ./elsewhere.db).RestoredItems
try { $s | Restore-Snapshot -InPlace } catch { 'refused' }
($s | Restore-Snapshot -InPlace -Confirm:$false).RestoredItems
'@
        $lines | Should -Be '1', 'refused', '1'
    }
}
