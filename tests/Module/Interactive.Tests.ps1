BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    $script:start = $PWD
    Set-Location $TestDrive
    "import sqlite3`nc=sqlite3.connect('big.db')`nc.execute('create table b(x)')`nfor i in range(200): c.execute('insert into b values(randomblob(1000000))')`nc.commit()" | python3 -
}

AfterAll {
    Set-Location $start
}

Describe 'Ctrl+C' {
    BeforeAll {
        New-SnapshotRepository ./r | Out-Null

        function Invoke-AndStop([string] $Command, [scriptblock] $IsRunning) {
            $shell = [powershell]::Create()
            $null = $shell.AddScript("Set-Location -LiteralPath '$TestDrive'; Import-Module '$env:MAINTENANCEOPS_TEST_MANIFEST'; $Command")
            $running = $shell.BeginInvoke()
            $deadline = [datetime]::UtcNow.AddSeconds(60)
            while (-not (& $IsRunning) -and -not $running.IsCompleted -and [datetime]::UtcNow -lt $deadline) { Start-Sleep -Milliseconds 5 }
            $wasRunning = -not $running.IsCompleted
            $watch = [Diagnostics.Stopwatch]::StartNew()
            $shell.Stop()
            $took = $watch.Elapsed
            $state = $shell.InvocationStateInfo.State
            $shell.Dispose()
            [pscustomobject]@{ WasRunning = $wasRunning; Took = $took; State = $state }
        }
    }

    It 'ends a backup at once, and leaves no snapshot, no lease and no worker' {
        $stopped = Invoke-AndStop 'Invoke-DbBackup ./big.db -Repository ./r' { Get-ChildItem ./r/leases -File -ErrorAction Ignore }
        $stopped.WasRunning | Should -BeTrue
        $stopped.State | Should -Be 'Stopped'
        $stopped.Took.TotalSeconds | Should -BeLessThan 10
        Get-Snapshot ./r | Should -BeNullOrEmpty
        Get-ChildItem ./r/leases -File -ErrorAction Ignore | Should -BeNullOrEmpty
        Test-SnapshotRepository ./r -Level Full | Where-Object Severity -EQ Error | Should -BeNullOrEmpty
        Get-ChildItem . -Filter 'big.db-*' | Should -BeNullOrEmpty
    }

    It 'ends a restore, and leaves the destination as it was' {
        Invoke-DbBackup ./big.db -Repository ./r | Out-Null
        $before = Get-ChildItem . -Force | ForEach-Object Name | Sort-Object
        $stopped = Invoke-AndStop 'Get-Snapshot ./r -Latest | Restore-Snapshot -Destination ./again.db' { Get-ChildItem ./r/leases -File -ErrorAction Ignore }
        $stopped.State | Should -BeIn 'Stopped', 'Completed'
        if ($stopped.State -eq 'Stopped') {
            Get-ChildItem . -Force | ForEach-Object Name | Sort-Object | Should -Be $before
        }
        Get-ChildItem ./r/leases -File -ErrorAction Ignore | Should -BeNullOrEmpty
    }
}

Describe 'Progress' {
    It 'is one activity, at most five records a second, always completed' {
        $shell = [powershell]::Create()
        $null = $shell.AddScript("Import-Module '$env:MAINTENANCEOPS_TEST_MANIFEST'; `$ProgressPreference = 'Continue'; Invoke-DbBackup '$TestDrive/big.db' -Repository '$TestDrive/p' -Initialize")
        $watch = [Diagnostics.Stopwatch]::StartNew()
        $null = $shell.Invoke()
        $records = @($shell.Streams.Progress | Where-Object Activity -Match 'Backing up')
        $records | Should -Not -BeNullOrEmpty
        @($records.ActivityId | Select-Object -Unique) | Should -HaveCount 1
        $records.Count | Should -BeLessOrEqual (5 * $watch.Elapsed.TotalSeconds + 3)
        $records[-1].RecordType | Should -Be 'Completed'
        $shell.Dispose()
    }
}

Describe 'Completion' {
    BeforeAll {
        New-TestDatabase -Path (Join-Path $TestDrive 'app.db')
        $script:snapshot = Invoke-DbBackup ./app.db -Repository ./c -Source 'app/my db' -Initialize
        New-SnapshotRepository ./encrypted -Passphrase (ConvertTo-TestSecret 'x') | Out-Null

        function Get-Completion([string] $Line) { (TabExpansion2 $Line -cursorColumn $Line.Length).CompletionMatches }
    }

    It 'offers repositories near by' {
        (Get-Completion 'Get-Snapshot -Repository ').CompletionText | Should -Contain './c'
        (Get-Completion 'Get-Snapshot -Repository ./c').CompletionText | Should -Contain './c'
    }

    It 'offers sources, quoted where they must be' {
        (Get-Completion 'Get-Snapshot -Repository ./c -Source app').CompletionText | Should -Be "'app/my db'"
    }

    It 'offers snapshots with source and time' {
        $match = Get-Completion 'Test-Snapshot -Repository ./c -Snapshot '
        $match.CompletionText | Should -Be $snapshot.ShortId
        $match.ToolTip | Should -Match 'app/my db, \d{4}-\d\d-\d\d'
    }

    It 'offers levels without None' {
        (Get-Completion 'Test-Snapshot x -Level ').CompletionText | Sort-Object | Should -Be 'Full', 'Quick', 'Restore'
    }

    It 'is silent where nothing can be known' {
        { Get-Completion 'Get-Snapshot -Repository ./encrypted -Source ' } | Should -Not -Throw
        { Get-Completion 'Get-Snapshot -Repository ./nowhere -Source ' } | Should -Not -Throw
        Get-Completion 'Test-Snapshot -Repository ./encrypted -Snapshot a' | Where-Object ResultType -EQ ParameterValue | Should -BeNullOrEmpty
    }
}
