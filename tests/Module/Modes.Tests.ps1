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

    It 'refuses what makes no sense' {
        { Set-MaintenanceMode $flag -Enabled -All -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Set-MaintenanceMode $flag -Enabled -For 30d -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Set-MaintenanceMode (Join-Path $TestDrive 'none/flag') -Enabled -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound*'
    }
}
