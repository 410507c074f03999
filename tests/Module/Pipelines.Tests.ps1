BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    Set-StrictMode -Version Latest
    $ErrorActionPreference = 'Stop'
    $ConfirmPreference = 'None'
    $script:start = $PWD
}

AfterAll {
    Set-Location $start
}

Describe 'Pipelines of databases' {
    BeforeAll {
        Set-Location $TestDrive
        New-TestDatabase -Path (Join-Path $TestDrive 'app.db')
        New-TestDatabase -Path (Join-Path $TestDrive 'users.db') -Rows 50 -Text other
    }

    It 'backs up, drills and filters, and reads well in 100 columns' {
        $tests = Get-ChildItem *.db | Invoke-DbBackup -Repository ./r -Initialize | Test-Snapshot -Level Restore | Where-Object Passed
        $tests | Should -HaveCount 2
        $tests.Level | Should -Be 'Restore', 'Restore'
        $tests[0].Rows | Should -Be 510
        $table = $tests | Format-Table | Out-String -Width 100 -Stream
        ($table | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual 100
        ($table -join "`n") | Should -Match 'ShortId\s+Source\s+Level\s+Passed\s+Elapsed'
        ($table -join "`n") | Should -Match 'app\.db .*Restore\s+True'
    }

    It 'stores next to nothing for a database that has not changed' {
        $again = Invoke-DbBackup ./app.db -Repository ./r
        $again.StoredSize | Should -BeLessThan 4096
        $again.Parent | Should -Not -BeNullOrEmpty
    }

    It 'restores the latest verified snapshot in place and keeps the old state' {
        Invoke-TestSql app.db 'delete from notes' | Out-Null
        $result = Get-Snapshot ./r -Source app.db -Latest -Verified | Restore-Snapshot -InPlace
        $result.SafetySnapshot | Should -Match '^[0-9a-f]{64}$'
        Invoke-TestSql app.db 'select count(*) from notes' | Should -Be '(500,)'
    }

    It 'restores one table under another name, also one that was picked as an item' {
        Get-Snapshot ./r -Source app.db -Latest | Restore-Snapshot -Table notes -As notes_old | ForEach-Object RestoredRows | Should -Be 500
        Get-Snapshot ./r -Source app.db -Latest | Get-SnapshotItem -Path users | Restore-Snapshot -As users_old -Destination ./app.db | ForEach-Object RestoredRows | Should -Be 10
        Invoke-TestSql app.db 'select count(*) from users_old' | Should -Be '(10,)'
    }

    It 'compares two snapshots by table' {
        $first = Get-Snapshot ./r -Source app.db | Select-Object -First 1
        $difference = Invoke-DbBackup ./app.db -Repository ./r | Compare-Snapshot $first
        $difference | Where-Object Path -EQ notes_old | ForEach-Object Change | Should -Be 'Added'
        Compare-Snapshot $first.ShortId -Repository ./r | Where-Object Path -EQ users_old | Should -Not -BeNullOrEmpty
    }

    It 'takes ids, short ids and latest' {
        $one = Get-Snapshot ./r -Source users.db -Latest
        ($one.Id | Test-Snapshot -Repository ./r).Passed | Should -BeTrue
        (Test-Snapshot $one.ShortId -Repository ./r -Level Full).Id | Should -Be $one.Id
        (Test-Snapshot latest -Source users.db -Repository ./r).Id | Should -Be $one.Id
        Get-Snapshot ./r -Id $one.ShortId | ForEach-Object Id | Should -Be $one.Id
    }

    It 'gives -Assert to the restored database' {
        $test = Get-Snapshot ./r -Source users.db -Latest | Test-Snapshot -Assert 'select count(*) > 5 from users', 'select 0'
        $test.Passed | Should -BeFalse
        $test.Findings | Should -HaveCount 1
        $test.Findings[0].Rule | Should -Be 'AssertionFailed'
    }

    It 'copies into an encrypted repository and restores from there' {
        $secret = ConvertTo-TestSecret 'horse staple'
        $copy = Get-Snapshot ./r -Source users.db -Latest | Copy-Snapshot -Destination ./copy -DestinationPassphrase $secret -Initialize
        $copy.Repository | Should -Be (Join-Path $TestDrive 'copy')
        (Get-SnapshotRepository ./copy -Passphrase $secret).Encrypted | Should -BeTrue
        ($copy | Test-Snapshot -Passphrase $secret -Level Restore).Passed | Should -BeTrue
        Set-Content key.txt 'horse staple'
        (Get-Snapshot ./copy -KeyFile ./key.txt).Id | Should -Be $copy.Id
    }

    It 'exports a plain database' {
        $file = Get-Snapshot ./r -Source users.db -Latest | Export-Snapshot -Destination ./plain.db
        $file | Should -BeOfType IO.FileInfo
        Invoke-TestSql plain.db 'select count(*) from users' | Should -Be '(10,)'
    }

    It 'restores databases into a folder that is named as one' {
        Get-Snapshot ./r -Source app.db, users.db -Latest | Restore-Snapshot -Destination ./many/ | Should -HaveCount 2
        'many/app.db', 'many/users.db' | Should -Exist
    }

    It 'decides by rules, says why, and removes' {
        $plan = Get-Snapshot ./r | Invoke-SnapshotRetention -KeepLast 1 -WhatIf
        $plan.Removed | Should -Not -Contain $true
        $plan | Where-Object { -not $_.Keep } | Should -Not -BeNullOrEmpty
        $done = Get-Snapshot ./r | Invoke-SnapshotRetention -KeepLast 1 -Prune
        ($done | Where-Object Removed).Id | Should -Be ($plan | Where-Object { -not $_.Keep }).Id
        ($done | Where-Object Keep).Reasons | Should -Contain 'newest'
        Get-Snapshot ./r | Should -HaveCount @($done | Where-Object Keep).Count
        Test-SnapshotRepository ./r -Level Full | Should -BeNullOrEmpty
    }

    It 'does nothing to a repository when the pipeline into retention is empty' {
        $before = @(Get-Snapshot ./r).Count
        Get-Snapshot ./r -Source nobody* | Invoke-SnapshotRetention -KeepLast 1 | Should -BeNullOrEmpty
        Get-Snapshot ./r | Should -HaveCount $before
    }

    It 'names a source that the repository does not have' {
        { Get-Snapshot ./r -Source nobody -ErrorAction Stop } | Should -Throw -ErrorId 'SnapshotNotFound,*'
    }

    It 'takes spans of time as people write them' {
        # Unquoted, 7d is a decimal and 90s a short to PowerShell; a bare number has no unit.
        foreach ($span in { 7d }, { '168h' }, { '10080m' }, { '1w' }, { [timespan]::FromDays(7) }) {
            $decision = Invoke-SnapshotRetention -Repository ./r -KeepWithin (& $span) -TimeZone Europe/Berlin -WhatIf
            $decision.Reasons | Should -Contain 'within'
        }
        Invoke-SnapshotRetention -Repository ./r -KeepWithin 7d -WhatIf | ForEach-Object Keep | Should -Not -Contain $false
        Invoke-SnapshotRetention -Repository ./r -KeepWithin 90s -WhatIf | Should -Not -BeNullOrEmpty
        { Invoke-SnapshotRetention -Repository ./r -KeepWithin 7 -WhatIf } | Should -Throw '*Give a unit*'
    }

    It 'uses the repository of the environment' {
        $env:MAINTENANCEOPS_REPOSITORY = Join-Path $TestDrive 'r'
        try { Get-Snapshot -Latest | Should -Not -BeNullOrEmpty } finally { Remove-Item Env:MAINTENANCEOPS_REPOSITORY }
    }

    It 'ends the work when a command further down has enough' {
        Get-Snapshot ./r | Get-SnapshotItem | Select-Object -First 1 | Should -HaveCount 1
    }
}

Describe 'Pipelines of files' {
    BeforeAll {
        Set-Location $TestDrive
        foreach ($file in 'alpha/one.txt', 'alpha/deep/two.txt', 'beta/three.txt', 'alpha.txt') {
            $null = New-Item -ItemType File -Force -Path "tree/projects/$file" -Value $file
        }
        Invoke-FileBackup ./tree -Repository ./f -Source app/files -Initialize | Out-Null
    }

    It 'restores only the items that were piped' {
        $result = Get-Snapshot ./f -Source app/files -Latest | Get-SnapshotItem -Path 'projects/alpha/*' | Restore-Snapshot -Destination ./out
        $result | Should -HaveCount 1
        (Get-ChildItem ./out -Recurse -File).Name | Sort-Object | Should -Be 'one.txt', 'two.txt'
    }

    It 'restores one file by its exact name, not by its name as a pattern' {
        Get-Snapshot ./f -Latest | Get-SnapshotItem | Where-Object Path -EQ 'projects/alpha/one.txt' | Restore-Snapshot -Destination ./exact
        (Get-ChildItem ./exact -Recurse -File).FullName | Should -Be (Join-Path $TestDrive 'exact/projects/alpha/one.txt')
    }

    It 'gathers all paths of the pipeline into one snapshot' {
        $one = Get-ChildItem ./tree/projects -Directory | Invoke-FileBackup -Repository ./f -Source both -Exclude '*.tmp'
        $one | Should -HaveCount 1
        ($one | Get-SnapshotItem).Path | Should -Contain 'beta/three.txt'
    }

    It 'shows what changed between two states' {
        Set-Content tree/projects/beta/three.txt 'changed'
        $null = New-Item tree/projects/new.txt -Value x
        Invoke-FileBackup ./tree -Repository ./f -Source app/files | Out-Null
        $pair = @(Get-Snapshot ./f -Source app/files)
        $changes = Compare-Snapshot $pair[0] $pair[1]
        ($changes | Where-Object Path -EQ 'projects/new.txt').Change | Should -Be 'Added'
        ($changes | Where-Object Path -EQ 'projects/beta/three.txt').Change | Should -Be 'Changed'
    }

    It 'exports an archive' {
        Get-Snapshot ./f -Source app/files -Latest | Export-Snapshot -Destination ./files.tar.gz | ForEach-Object Name | Should -Be 'files.tar.gz'
        tar -tzf files.tar.gz | Should -Contain 'projects/new.txt'
    }
}

Describe 'Objects that come back from a job' {
    It 'pipe on' {
        Set-Location $TestDrive
        New-TestDatabase -Path (Join-Path $TestDrive 'job.db')
        Invoke-DbBackup ./job.db -Repository ./j -Initialize | Out-Null
        $back = Start-Job { Import-Module $using:env:MAINTENANCEOPS_TEST_MANIFEST; Get-Snapshot -Repository (Join-Path $using:TestDrive 'j') } | Receive-Job -Wait -AutoRemoveJob
        $back.pstypenames[0] | Should -Be 'Deserialized.MaintenanceOps.Snapshot'
        ($back | Test-Snapshot -Level Full).Passed | Should -BeTrue
        $back | Get-SnapshotItem | Should -HaveCount 2
        ($back | Invoke-SnapshotRetention -KeepLast 1).Keep | Should -BeTrue
        ($back | Format-Table | Out-String) | Should -Match 'ShortId'
    }
}

Describe 'A Turkish culture' {
    It 'changes nothing' {
        New-TestDatabase -Path (Join-Path $TestDrive 'INFO.db')
        Invoke-FreshShell @'
[cultureinfo]::CurrentCulture = 'tr-TR'; [cultureinfo]::CurrentUICulture = 'tr-TR'
Set-StrictMode -Version Latest
Import-Module $manifest
$s = Invoke-DbBackup ./INFO.db -Repository ./tr -Initialize -Tag TITLE
$t = $s | Test-Snapshot -Level Restore
"$($s.Source) $($t.Passed) $(@(Get-Snapshot ./tr -Source info.db -Tag title).Count)"
Invoke-SnapshotRetention -Repository ./tr -KeepWithin 1.5D -WhatIf | ForEach-Object Keep
'@ -WorkingDirectory $TestDrive | Should -Be 'INFO.db True 1', 'True'
    }
}
