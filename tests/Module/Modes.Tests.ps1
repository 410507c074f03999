BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    $script:flag = Join-Path $TestDrive 'maintenance.flag'
}

Describe 'Maintenance mode' {
    AfterEach {
        Remove-Item "$flag*" -ErrorAction SilentlyContinue
    }

    It 'closes, is extended, and opens' {
        $mode = Set-MaintenanceMode $flag -Enabled -For 30m -Reason 'new version'
        $mode.Enabled | Should -BeTrue
        $mode.Reason | Should -Be 'new version'
        $flag | Should -Exist
        ((Set-MaintenanceMode $flag -Extend -For 2h).Until - $mode.Until).TotalMinutes | Should -BeGreaterThan 85
        ($mode | Get-MaintenanceMode).Enabled | Should -BeTrue
        (Set-MaintenanceMode $flag -Enabled:$false).Enabled | Should -BeFalse
        $flag | Should -Not -Exist
        (Get-MaintenanceMode $flag -History).Action | Should -Be 'Entered', 'Extended', 'Left'
    }

    It 'runs a block while it is closed and gives what the block gives' {
        Set-MaintenanceMode $flag { Test-Path $flag } | Should -BeTrue
        $flag | Should -Not -Exist
    }

    It 'opens where the block throws' {
        { Set-MaintenanceMode $flag { throw 'broken' } } | Should -Throw '*broken*'
        $flag | Should -Not -Exist
    }

    It 'gives the objects one by one, those before a failure too' {
        $seen = [System.Collections.Generic.List[object]]::new()
        { Set-MaintenanceMode $flag { 'first'; Test-Path $flag; throw 'broken' } | ForEach-Object { $seen.Add($_) } } | Should -Throw '*broken*'
        $seen | Should -Be 'first', $true
    }

    It 'holds the lease for as long as the block runs' {
        Set-MaintenanceMode $flag -For 1.5s { Start-Sleep 3; (Get-MaintenanceMode $flag).Enabled } | Should -BeTrue
        $flag | Should -Not -Exist
    }

    It 'tells what went wrong at the end of a block too' {
        Set-MaintenanceMode $flag { 'done' } -Announce 'test "$MAINTENANCE_STATE" != open' -WarningVariable warned -WarningAction SilentlyContinue | Should -Be done
        $warned | Should -HaveCount 1
        "$warned" | Should -BeLike 'It was not announced*'
        Set-MaintenanceMode $flag -For 1.5s { Remove-Item $flag; Start-Sleep 1.2 } -WarningVariable lost -WarningAction SilentlyContinue
        "$lost" | Should -BeLike '*Somebody ended the lease*'
    }

    It 'opens where the process is told to end by <signal>, at <where>' -Skip:$IsWindows -ForEach @(
        @{ signal = 'TERM'; where = 'work' }
        @{ signal = 'HUP'; where = 'work' }
        @{ signal = 'TERM'; where = 'drain' }
        @{ signal = 'its own exit'; where = 'work' }
    ) {
        $drain = $where -eq 'drain' ? "-DrainCommand 'echo 5' -DrainTimeout 60s" : ''
        $line = "Import-Module '$env:MAINTENANCEOPS_TEST_MANIFEST'; Set-MaintenanceMode '$flag' -For 10m $drain { $($signal -eq 'its own exit' ? 'Start-Sleep 2; [Environment]::Exit(4)' : 'Start-Sleep 60') }"
        $shell = Start-Process pwsh -ArgumentList '-NoProfile', '-NonInteractive', '-EncodedCommand', ([Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($line))) -PassThru
        try {
            $waited = [Diagnostics.Stopwatch]::StartNew()
            while (-not (Test-Path $flag) -and $waited.Elapsed.TotalSeconds -lt 30) { Start-Sleep -Milliseconds 50 }
            $flag | Should -Exist
            Start-Sleep -Milliseconds 300
            if ($signal -ne 'its own exit') { /bin/kill -s $signal $shell.Id }
            $shell.WaitForExit(60000) | Should -BeTrue
            $flag | Should -Not -Exist
            (Get-MaintenanceMode $flag -History).Action | Should -Be 'Entered', 'Left'
        }
        finally {
            $shell.Kill()
        }
    }

    It 'runs the block with a plan, whichever way it is named' {
        $plan = Join-Path $TestDrive 'named.yaml'
        Set-Content $plan "app: notes`nmaintenance: { flag: maintenance.flag }"
        Set-MaintenanceMode -Plan $plan { Test-Path $flag } | Should -BeTrue
        Set-MaintenanceMode $plan { Test-Path $flag } | Should -BeTrue
        Set-MaintenanceMode -Plan $plan -ScriptBlock { Test-Path $flag } | Should -BeTrue
        Set-MaintenanceMode -FlagPath $flag { Test-Path $flag } | Should -BeTrue
        Set-MaintenanceMode $flag -Enabled -For 5m -Reason upgrade -ScriptBlock { (Get-MaintenanceMode $flag).Reason } | Should -Be upgrade
        { Set-MaintenanceMode $flag -Enabled:$false { 1 } -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        Set-MaintenanceMode $flag -Enabled:$false -LeaseId gone -WarningVariable unknown -WarningAction SilentlyContinue | Out-Null
        "$unknown" | Should -BeLike '*no lease gone*'
        (Set-MaintenanceMode -Plan $plan -Enabled).Enabled | Should -BeTrue
        { Set-MaintenanceMode $flag -Enabled -For ([timespan]::MaxValue) -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
    }

    It 'opens though what a plan needs for closing is not there' {
        $plan = Join-Path $TestDrive 'maintenance.yaml'
        Set-Content $plan "app: notes`nalerts: { alertmanager: '`${env:MOPS_NOT_SET}' }`nmaintenance: { flag: maintenance.flag, silence: { app: notes } }"
        { Set-MaintenanceMode $plan -Enabled -ErrorAction Stop } | Should -Throw '*MOPS_NOT_SET*'
        Set-MaintenanceMode $flag -Enabled | Out-Null
        (Set-MaintenanceMode $plan -Enabled:$false).Enabled | Should -BeFalse
        (Get-MaintenanceMode $plan).Enabled | Should -BeFalse
    }

    It 'refuses what makes no sense' {
        { Set-MaintenanceMode $flag -Enabled -All -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Set-MaintenanceMode $flag -Enabled -For 30d -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Set-MaintenanceMode (Join-Path $TestDrive 'none/flag') -Enabled -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound*'
    }
}
