BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force

    # Most of its rows are gone again, and it was never analysed.
    function script:New-Sparse([string] $Path) {
        New-TestDatabase -Path $Path -Rows 60000 -Text ('x' * 2000)
        $null = Invoke-TestSql $Path 'create index notes_body on notes(body)'
        $null = Invoke-TestSql $Path 'delete from notes where id > 5000'
    }
}

Describe 'Keeping databases in shape' {
    BeforeEach {
        $script:db = Join-Path $TestDrive "$([guid]::NewGuid().ToString('N')).db"
        New-Sparse $db
    }

    It 'finds, mends within a limit, and finds no more' {
        $findings = Get-DatabaseHealth $db
        $free = $findings | Where-Object Rule -EQ FreePages
        $free.Action | Should -Be Vacuum
        $free.Gain | Should -BeGreaterThan 64MB
        $free.Ratio | Should -BeGreaterThan 0.2
        $before = (Get-Item $db).Length
        $results = $findings | Where-Object Action | Optimize-Database -TimeLimit 2h
        ($results | Where-Object Step -EQ Vacuum).Status | Should -Be Done
        ($results | Where-Object Step -EQ Vacuum).Reclaimed | Should -BeGreaterThan 64MB
        (Get-Item $db).Length | Should -BeLessThan ($before / 2)
        Get-DatabaseHealth $db | Where-Object Action | Should -BeNullOrEmpty
        Invoke-TestSql $db 'select count(*) from notes' | Should -Be '(5000,)'
    }

    It 'takes findings out of a job' {
        $manifest = $env:MAINTENANCEOPS_TEST_MANIFEST
        $findings = Start-Job { Import-Module $using:manifest; Get-DatabaseHealth $using:db } | Receive-Job -Wait -AutoRemoveJob
        $findings[0].PSTypeNames | Should -Contain 'Deserialized.MaintenanceOps.DatabaseFinding'
        ($findings | Where-Object Action | Optimize-Database | Where-Object Step -EQ Vacuum).Status | Should -Be Done
    }

    It 'takes them out of JSON, and does no more than they say' {
        $analyze = Get-DatabaseHealth $db | Where-Object Action -EQ Analyze | ConvertTo-Json | ConvertFrom-Json
        ($analyze | Optimize-Database).Step | Should -Be Analyze
        $other = Get-DatabaseHealth $db | Where-Object Rule -EQ AutoVacuum
        $other | Select-Object * | Optimize-Database | Should -BeNullOrEmpty
        { $other | Select-Object Rule, Path | Optimize-Database -ErrorAction Stop } | Should -Throw '*Pipe the finding as it is*'
    }

    It 'takes files by the pipeline' {
        (Get-Item $db | Optimize-Database -Step Vacuum).Status | Should -Be Done
    }

    It 'does all that it finds where nothing else is said' {
        (Optimize-Database $db).Step | Should -Contain 'Vacuum'
    }

    It 'defers what does not fit and skips what does not pay' {
        (Optimize-Database $db -Step Vacuum -TimeLimit ([timespan]::FromMilliseconds(1))).Status | Should -Be Deferred
        Optimize-Database $db -Step Vacuum | Out-Null
        $again = Optimize-Database $db -Step Vacuum
        $again.Status | Should -Be Skipped
        $again.Reason | Should -Match 'pays'
    }

    It 'takes files by the pipeline and checks them' {
        $results = Get-Item $db | Test-Database -Level Full
        $results.Check | Should -Be integrity_check, foreign_key_check
        $results.Passed | Should -Not -Contain $false
    }

    It 'reads a plan' {
        $plan = Join-Path $TestDrive 'plan.yaml'
        Set-Content $plan "app: notes`ndatabases: { main: { path: '$db' }, other: { path: none.db } }"
        (Get-DatabaseHealth -Plan $plan -Name main).Count | Should -BeGreaterThan 0
        { Get-DatabaseHealth -Plan $plan -Name nobody -ErrorAction Stop } | Should -Throw -ErrorId 'ItemNotFound*'
    }

    It 'says what is wrong' {
        { Get-DatabaseHealth (Join-Path $TestDrive none.db) -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound*'
        { Optimize-Database $db -Step VacuumFull -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Get-DatabaseHealth -ConnectionString 'Host=127.0.0.1;Port=1;Username=nobody;Password=hunter2' -ErrorAction Stop } | Should -Throw -ErrorId 'ServerUnavailable*'
        { Get-DatabaseHealth 'postgresql://u:hunter2@h/db' -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Get-DatabaseHealth -ConnectionString 'Host=h;Prt=1;Password=hunter2' -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        $Error[0..5].Exception.Message | Should -Not -Match hunter2
    }
}
