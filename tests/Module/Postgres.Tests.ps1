BeforeDiscovery {
    $script:programs = Get-ChildItem /usr/lib/postgresql -ErrorAction Ignore | Sort-Object { [int]$_.Name } | Select-Object -Last 1 | ForEach-Object { Join-Path $_.FullName bin }
    $script:missing = -not $programs
}

Describe 'PostgreSQL' -Skip:$missing {
    BeforeAll {
        Import-Module $PSScriptRoot/TestKit.psm1 -Force
        Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
        Set-StrictMode -Version Latest
        $ErrorActionPreference = 'Stop'
        $ConfirmPreference = 'None'
        $script:start = $PWD
        $script:place = Join-Path ([IO.Path]::GetTempPath()) "mops-pg-$([guid]::NewGuid().ToString('N').Substring(0, 8))"
        New-Item -ItemType Directory $place, $place/log | Out-Null
        $script:server = Start-TestServer -Path $place
        Invoke-TestServerSql $server 'create database shop'
        Invoke-TestServerSql $server "create table orders(id serial primary key, body text); insert into orders(body) select md5(i::text) from generate_series(1, 2000) i; create table users as select 1 as id" -Database shop
        $script:connection = "Host=$place;Username=postgres;Database=shop"
        Set-Location $TestDrive
    }

    AfterAll {
        Set-Location $start
        Stop-TestServer $server
        Remove-Item -LiteralPath $place -Recurse -Force
    }

    It 'dumps with several programs, lists tables with sizes, and restores a picked one beside the live one' {
        $snapshot = Invoke-DbBackup -ConnectionString $connection -Source app/db -Repository ./r -Initialize -Parallel 2
        $snapshot.Kind | Should -Be PostgresLogical
        $table = $snapshot | Get-SnapshotItem -Path *orders
        $table.Rows | Should -Be 2000
        $table.Size | Should -BeGreaterThan 100000
        $table | Restore-Snapshot -ConnectionString $connection -As orders_copy | ForEach-Object RestoredRows | Should -Be 2000
        Invoke-TestServerSql $server 'select count(*) from orders_copy' -Database shop | Should -Be 2000
    }

    It 'tells with -WhatIf what it would replace, and touches nothing' {
        $said = Invoke-FreshShell -WorkingDirectory $PWD -Script @"
Import-Module `$manifest
Restore-Snapshot latest -Source app/db -Repository ./r -ConnectionString '$connection' -InPlace -WhatIf
"@
        $said -join "`n" | Should -Match 'Replace with snapshot [0-9a-f]{8}.* on target "postgresql:///.*'
        Invoke-TestServerSql $server "select count(*) from pg_database where datname like 'shop%' or datname like 'mops%'" | Should -Be 1
    }

    It 'takes a table out of a cluster as it was at a moment' {
        Invoke-DbBackup -ConnectionString $connection -Method Physical -Source pg/main -Repository ./r | Out-Null
        Invoke-TestServerSql $server "insert into orders(body) select 'later' from generate_series(1, 5)" -Database shop
        $moment = Invoke-TestServerSql $server "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD`"T`"HH24:MI:SS.US`"Z`"')"
        Start-Sleep -Milliseconds 100
        Invoke-TestServerSql $server 'delete from orders' -Database shop
        Invoke-TestServerSql $server 'select pg_switch_wal()' | Out-Null
        Test-WalArchive ./r | ForEach-Object Segments | Should -Be 0
        Save-TestLog $server -Repository (Join-Path $PWD r)

        $restored = Restore-Snapshot latest -Source pg/main -Repository ./r -PointInTime $moment -ConnectionString $connection -Database shop -Table orders -As orders_then
        $restored.RestoredRows | Should -Be 2005
        Invoke-TestServerSql $server 'select count(*) from orders' -Database shop | Should -Be 0
        $drill = Test-Snapshot latest -Source pg/main -Repository ./r -PointInTime latest -Database shop -Assert 'select count(*) = 0 from orders'
        $drill.Passed | Should -BeTrue
    }

    It 'names what is wrong' {
        { Restore-Snapshot latest -Source pg/main -Repository ./r -ConnectionString $connection -Database shop -Table oders -ErrorAction Stop } | Should -Throw -ErrorId 'ItemNotFound*'
        { Restore-Snapshot latest -Source app/db -Repository ./r -ConnectionString $connection -ErrorAction Stop } | Should -Throw -ErrorId 'DestinationInUse*'
        { Restore-Snapshot latest -Source pg/main -Repository ./r -PointInTime 2020-01-01 -Destination ./early -ErrorAction Stop } | Should -Throw -ErrorId 'SnapshotNotFound*'
    }
}
