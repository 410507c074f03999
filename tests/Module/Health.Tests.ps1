BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    $script:state = $env:MAINTENANCEOPS_STATE
    $env:MAINTENANCEOPS_STATE = Join-Path $TestDrive state
    $script:site = Start-TestSite -Root (Join-Path $TestDrive site) -File @{ health = '{"status":"healthy","queue":{"length":3}}' }
    New-TestDatabase -Path (Join-Path $TestDrive 'app.db')

    # Something to be found.
    'first', 'second' | ForEach-Object { $null = Invoke-TestSql (Join-Path $TestDrive 'app.db') "create index $_ on notes(body)" }
    Set-Content (Join-Path $TestDrive 'plan.yaml') @"
app: notes
databases: { main: { path: app.db } }
health:
  defaults: { retries: 0 }
  checks:
    api: { http: "$($site.Uri)health", expect: { json: { status: healthy } }, after: db }
    db: { database: main }
    gone: { tcp: "127.0.0.1:1" }
    above: { tcp: "127.0.0.1:1", after: gone }
maintenance: { flag: closed.flag }
"@
    $script:plan = Join-Path $TestDrive 'plan.yaml'
}

AfterAll {
    Stop-Process -Id $site.Id -ErrorAction SilentlyContinue
    $env:MAINTENANCEOPS_STATE = $state
}

Describe 'Durations' {
    It 'are taken with their fractions' {
        (Test-Health -Memory -DegradedAfter 1000.5s -NoHistory).Status | Should -Be Healthy
        { Test-Health -Memory -Timeout 0.5s -NoHistory -ErrorAction Stop } | Should -Not -Throw
        (Wait-Health -TcpEndpoint 127.0.0.1:1 -Timeout 0.4s -ErrorAction SilentlyContinue -ErrorVariable failed) | Out-Null
        "$failed" | Should -BeLike '*After 400 ms*refused*'
    }
}

Describe 'Test-Health' {
    It 'holds an answer against JSON expectations' {
        (Test-Health "$($site.Uri)health" -ExpectJson @{ status = 'healthy'; 'queue.length' = '< 10' }).Status | Should -Be Healthy
        $bad = Test-Health "$($site.Uri)health" -ExpectJson @{ 'queue.length' = '> 10' } -Retry 0
        $bad.Status | Should -Be Unhealthy
        $bad.Reason | Should -Be "queue.length is '3', and should be > 10"
        $bad.Facts.StatusCode | Should -Be 200
    }

    It 'takes addresses by the pipeline and asks them at once' {
        $results = "$($site.Uri)health", "$($site.Uri)none" | Test-Health -Retry 0
        ($results | Sort-Object Name).Status | Should -Be Healthy, Unhealthy
    }

    It 'takes databases by the pipeline' {
        (Get-ChildItem (Join-Path $TestDrive '*.db') | Test-Health).Kind | Should -Be database
        (Test-Health -Path (Join-Path $TestDrive '*.db') -Query 'select count(*) from notes' -Expect 500).Status | Should -Be Healthy
    }

    It 'reads a plan, with what comes after what, and says whether it is in maintenance' {
        $results = Test-Health -Plan $plan
        $results.Count | Should -Be 4
        ($results | Where-Object Name -EQ above).Reason | Should -Be 'Not looked at, because gone is unhealthy.'
        ($results | Where-Object Name -EQ above).Status | Should -Be Unknown
        $results.InMaintenance | Should -Not -Contain $true
        Set-MaintenanceMode -Plan $plan -Enabled | Out-Null
        (Test-Health -Plan $plan -Name db).InMaintenance | Should -BeTrue
        Set-MaintenanceMode -Plan $plan -Enabled:$false | Out-Null
        (Test-Health -Plan $plan -Name api).Name | Sort-Object | Should -Be api, db
    }

    It 'keeps streaks from run to run, and none when told so' {
        1..2 | ForEach-Object { Test-Health -TcpEndpoint 127.0.0.1:1 -Name down -Retry 0 | Out-Null }
        $third = Test-Health -TcpEndpoint 127.0.0.1:1 -Name down -Retry 0 -FailAfter 3
        $third.Streak | Should -Be 3
        (Test-Health -TcpEndpoint 127.0.0.1:1 -Name down -Retry 0 -NoHistory).Streak | Should -Be 1
        $history = Get-HealthHistory down -Window 1h
        $history.Uptime | Should -Be 0
        $history.Unhealthy | Should -Be 3
    }

    It 'gives a Boolean with -Quiet, which is never true for what is unknown' {
        Test-Health "$($site.Uri)health" -Quiet | Should -BeTrue
        Test-Health -Plan $plan -Quiet | Should -BeFalse
        Test-Health -Disk (Join-Path $TestDrive missing) -Quiet | Should -BeFalse
        Test-Health -Memory -Degraded 100% -Unhealthy 0% -Quiet | Should -BeTrue
        Test-Health -Memory -Degraded 100% -Unhealthy 0% -Quiet -Strict | Should -BeFalse
    }

    It 'runs a program, with a shell and without one' {
        (Test-Health -Command 'exit 4' -DegradedExitCode 4).Status | Should -Be Degraded
        (Test-Health -Command /bin/echo -ArgumentList 'a  b' -Expect 'a  b').Status | Should -Be Healthy
    }

    It 'asks each kind of thing by a parameter of its own' {
        $ask = @{ Retry = 0; NoHistory = $true }
        $tls = Test-Health -TlsEndpoint ([uri] $site.Uri).Authority @ask
        $tls.Kind, $tls.Status | Should -Be tls, Unhealthy
        $tls.Reason | Should -BeLike 'no TLS connection*'
        (Test-Health -Process $PID -MaxMemory 100GiB @ask).Status | Should -Be Healthy
        (Test-Health -Process no-such-program @ask).Status | Should -Be Unhealthy
        (Test-Health -Disk $TestDrive -Degraded 0% -Unhealthy 0% @ask).Status | Should -Be Healthy
        (Test-Health -Container app -EngineSocket (Join-Path $TestDrive none.sock) @ask).Status | Should -Be Unknown
        $redis = Test-Health -Redis 127.0.0.1:1 @ask
        $redis.Kind, $redis.Status | Should -Be redis, Unhealthy
        $database = Test-Health -ConnectionString 'Host=127.0.0.1;Port=1;Username=app;Password=hush' @ask
        $database.Kind, $database.Status | Should -Be database, Unhealthy
        "$($database | Format-List * | Out-String)" | Should -Not -Match hush
        $repository = Join-Path $TestDrive repository
        New-SnapshotRepository $repository | Out-Null
        (Test-Health -Repository $repository -Source app/main @ask).Reason | Should -BeLike '*has no snapshot*'
        Invoke-DbBackup -Path (Join-Path $TestDrive app.db) -Repository $repository -Source app/main | Out-Null
        (Test-Health -Repository $repository -Source app/main @ask).Status | Should -Be Healthy
        { Test-Health -Memory -Name one, two -NoHistory -ErrorAction Stop } | Should -Throw '*2 names for 1 checks*'
        { Test-Health -Process $PID -MaxMemory 50% -NoHistory -ErrorAction Stop } | Should -Throw '*is a share*'
    }

    It 'says what is wrong with what was asked' {
        { Test-Health ftp://host/ -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Test-Health -TcpEndpoint nowhere -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Test-Health -Disk . -Degraded lots -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Test-Health -Plan (Join-Path $TestDrive 'none.yaml') -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound*'
        { Test-Health -Plan $plan -Name nobody -ErrorAction Stop } | Should -Throw -ErrorId 'ItemNotFound*'
        { Get-HealthHistory nobody -ErrorAction Stop } | Should -Throw -ErrorId 'ItemNotFound*'
    }

    It 'ends at once when a command further down has enough' {
        $watch = [Diagnostics.Stopwatch]::StartNew()
        1..3 | ForEach-Object { "$($site.Uri)health" } | Test-Health | Select-Object -First 1 | Should -Not -BeNullOrEmpty
        $watch.Elapsed.TotalSeconds | Should -BeLessThan 5
    }
}

Describe 'Wait-Health and Watch-Health' {
    It 'waits until it is there' {
        $late = Join-Path $TestDrive late.txt
        $job = Start-ThreadJob { Start-Sleep 1; Set-Content $using:late x }
        (Wait-Health -Command "test -e '$late'" -Timeout 20s -Interval 1s).Status | Should -Be Healthy
        $job | Remove-Job -Force
    }

    It 'gives up with an error, or with False' {
        $problem = $null
        $last = Wait-Health -TcpEndpoint 127.0.0.1:1 -Timeout 1s -Interval 1s -ErrorVariable problem -ErrorAction SilentlyContinue
        $last.Status | Should -Be Unhealthy
        $problem[0].FullyQualifiedErrorId | Should -BeLike 'NotHealthy*'
        Wait-Health -TcpEndpoint 127.0.0.1:1 -Timeout 1s -Interval 1s -Quiet | Should -BeFalse
    }

    It 'tells while it waits what it waits for' {
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript("Import-Module '$env:MAINTENANCEOPS_TEST_MANIFEST'; Wait-Health -TcpEndpoint 127.0.0.1:1 -Timeout 2s -Interval 500ms -Quiet").Invoke()
            $shell.Streams.Progress.Count | Should -BeGreaterThan 1
            "$($shell.Streams.Progress.ForEach{ "$($_.Activity) $($_.StatusDescription)" })" | Should -BeLike '*127.0.0.1:1*'
        }
        finally {
            $shell.Dispose()
        }
    }

    It 'draws a live table over itself on a terminal, in colours' -Skip:(-not (Get-Command script -CommandType Application -ErrorAction Ignore)) {
        $line = "Import-Module '$env:MAINTENANCEOPS_TEST_MANIFEST'; Watch-Health -Plan '$plan' -Name db, gone -Count 3 -Interval 200ms"
        $code = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($line))
        $drawn = script -qec "pwsh -NoProfile -EncodedCommand $code" /dev/null | Out-String
        ([regex]::Matches($drawn, [regex]::Escape("`e[H`e[J"))).Count | Should -Be 3
        $drawn | Should -Match ([regex]::Escape("`e[32mdb"))
        $drawn | Should -Match ([regex]::Escape("`e[31mgone"))
    }

    It 'draws a table for people' {
        $lines = Invoke-FreshShell -WorkingDirectory $TestDrive 'Import-Module $manifest; Watch-Health -Plan plan.yaml -Name db, gone -Count 1'
        $lines -join "`n" | Should -Match '1 of 2 up'
        $lines -join "`n" | Should -Match 'gone\s+Unhealthy'
    }
}

Describe 'Opening when healthy' {
    It 'opens after the checks have passed, and stays closed where they have not' {
        $flag = Join-Path $TestDrive 'door.flag'
        Set-MaintenanceMode $flag -Enabled | Out-Null
        { Set-MaintenanceMode $flag -Enabled:$false -WhenHealthy -HealthUri http://127.0.0.1:1/ -HealthTimeout 1s -ErrorAction Stop } | Should -Throw -ErrorId 'NotHealthy*'
        $flag | Should -Exist
        (Set-MaintenanceMode $flag -Enabled:$false -WhenHealthy -HealthUri "$($site.Uri)health").Enabled | Should -BeFalse
        $flag | Should -Not -Exist
        { Set-MaintenanceMode $flag -Enabled:$false -WhenHealthy -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { Set-MaintenanceMode -Enabled -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
    }
}

Describe 'Views' {
    It 'fit <Width> columns: <Command>' -ForEach @(
        @{ Width = 100; Command = 'Test-Health -Plan plan.yaml' }
        @{ Width = 100; Command = 'Get-HealthHistory' }
        @{ Width = 100; Command = 'Get-DatabaseHealth app.db' }
        @{ Width = 100; Command = 'Test-Database app.db' }
        @{ Width = 100; Command = 'Optimize-Database app.db -Step Vacuum, Analyze' }
        @{ Width = 100; Command = 'Set-MaintenanceMode shown.flag -Enabled -Reason "a reason that is long enough to need more than the room that is left for it"' }
        @{ Width = 100; Command = 'Get-MaintenanceMode shown.flag -History' }
    ) {
        $lines = Invoke-FreshShell -WorkingDirectory $TestDrive "Import-Module `$manifest; `$PSStyle.OutputRendering = 'PlainText'; $Command | Out-String -Width $Width"
        $lines | Should -Not -BeNullOrEmpty
        ($lines | Where-Object Length -GT $Width) | Should -BeNullOrEmpty
        ($lines -join "`n") | Should -Match '----'
    }

    It 'colour the state' {
        $lines = Invoke-FreshShell -WorkingDirectory $TestDrive "Import-Module `$manifest; `$PSStyle.OutputRendering = 'Ansi'; Test-Health -Plan plan.yaml | Out-String -Width 100; Test-Health -Memory -Degraded 100% -Unhealthy 0% | Out-String -Width 100"
        $shown = $lines -join ''
        foreach ($colour in @{ Healthy = 32; Degraded = 33; Unhealthy = 31; Unknown = 35 }.GetEnumerator()) {
            $shown | Should -Match ([regex]::Escape("`e[$($colour.Value)m$($colour.Key)"))
        }
    }

    It 'tell sizes as people read them' {
        $lines = Invoke-FreshShell -WorkingDirectory $TestDrive "Import-Module `$manifest; `$PSStyle.OutputRendering = 'PlainText'; Optimize-Database app.db -Step Vacuum -Force | Out-String -Width 100"
        ($lines -join "`n") | Should -Match '\d(\.\d+)? (KiB|MiB|B)\b'
    }
}
