BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    $ConfirmPreference = 'None'
    $script:start = $PWD
    Set-Location $TestDrive
    $secret = ConvertTo-TestSecret 'horse staple'
    New-TestDatabase -Path (Join-Path $TestDrive 'app.db')
    $null = New-Item -ItemType Directory sub
    Copy-Item app.db sub/app.db
    Set-Content text.db 'This is no database, but long enough to be looked at as one by a careless reader of headers.'
    Invoke-DbBackup ./app.db -Repository ./r -Initialize | Out-Null
    $null = New-Item -ItemType File -Force tree/one.txt -Value one
    Invoke-FileBackup ./tree -Repository ./r -Source files | Out-Null
    New-SnapshotRepository ./encrypted -Passphrase $secret -Label first | Out-Null

    function Get-TestError([scriptblock] $Script) {
        try { & $Script 2>&1 | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] } | Select-Object -First 1 }
        catch { $_ }
    }
}

AfterAll {
    Set-Location $start
}

Describe 'Error <Id>' -ForEach @(
    @{ Id = 'RepositoryNotFound'; Category = 'ObjectNotFound'; Do = { Get-Snapshot ./missing } }
    @{ Id = 'RepositoryNotFound'; Category = 'ObjectNotFound'; Do = { Invoke-DbBackup ./app.db -Repository ./missing } }
    @{ Id = 'RepositoryExists'; Category = 'ResourceExists'; Do = { New-SnapshotRepository ./r } }
    @{ Id = 'PassphraseRequired'; Category = 'AuthenticationError'; Do = { Get-Snapshot ./encrypted } }
    @{ Id = 'PassphraseWrong'; Category = 'AuthenticationError'; Do = { Get-Snapshot ./encrypted -Passphrase (ConvertTo-TestSecret 'wrong') } }
    @{ Id = 'KeyNotRemovable'; Category = 'InvalidOperation'; Do = { Remove-SnapshotRepositoryKey ./encrypted (Get-SnapshotRepository ./encrypted -Passphrase $secret).Keys[0].Id -Passphrase $secret } }
    @{ Id = 'SnapshotNotFound'; Category = 'ObjectNotFound'; Do = { Test-Snapshot ffffffff -Repository ./r } }
    @{ Id = 'SnapshotAmbiguous'; Category = 'InvalidType'; Do = { Test-Snapshot latest -Repository ./r } }
    @{ Id = 'SnapshotKindMismatch'; Category = 'InvalidType'; Do = { Get-Snapshot ./r -Source files | Restore-Snapshot -Table x } }
    @{ Id = 'ItemNotFound'; Category = 'ObjectNotFound'; Do = { Get-Snapshot ./r -Source files | Restore-Snapshot -Include nothing -Destination ./x } }
    @{ Id = 'DestinationInUse'; Category = 'ResourceExists'; Do = { Get-Snapshot ./r -Source app.db | Restore-Snapshot -Destination ./app.db } }
    @{ Id = 'NotADatabase'; Category = 'InvalidData'; Do = { Invoke-DbBackup ./text.db -Repository ./r } }
    @{ Id = 'PathNotFound'; Category = 'ObjectNotFound'; Do = { Invoke-DbBackup ./nothing.db -Repository ./r } }
    @{ Id = 'PathNotFound'; Category = 'ObjectNotFound'; Do = { Invoke-DbBackup './*.nothing' -Repository ./r } }
    @{ Id = 'PathNotFound'; Category = 'ObjectNotFound'; Do = { Invoke-FileBackup ./tree, ./nothing -Source x -Repository ./r } }
    @{ Id = 'InvalidArgument'; Category = 'InvalidArgument'; Do = { Invoke-DbBackup Env:PATH -Repository ./r } }
    @{ Id = 'InvalidArgument'; Category = 'InvalidArgument'; Do = { Get-Snapshot Env:PATH } }
    @{ Id = 'InvalidArgument'; Category = 'InvalidArgument'; Do = { Get-Snapshot } }
    @{ Id = 'InvalidArgument'; Category = 'InvalidArgument'; Do = { './app.db', './sub/app.db' | Invoke-DbBackup -Repository ./r } }
    @{ Id = 'InvalidArgument'; Category = 'InvalidArgument'; Do = { Get-ChildItem . -Directory | Invoke-FileBackup -Repository ./r } }
    @{ Id = 'InvalidArgument'; Category = 'InvalidArgument'; Do = { Invoke-SnapshotRetention -Repository ./r -KeepLast 1 -TimeZone Nowhere/Town } }
    @{ Id = 'RetentionPolicyEmpty'; Category = 'InvalidArgument'; Do = { Invoke-SnapshotRetention -Repository ./r } }
) {
    It 'comes from <Do>' {
        $record = Get-TestError $Do
        $record | Should -Not -BeNullOrEmpty
        $record.FullyQualifiedErrorId | Should -BeLike "$Id,*"
        $record.CategoryInfo.Category | Should -Be $Category
        $record.Exception | Should -BeOfType MaintenanceOps.MaintenanceException
        $record.Exception.Code | Should -Be $Id
    }
}

Describe 'One bad item' {
    It 'does not stop the others' {
        $good = './text.db', './nothing.db', './app.db' | Invoke-DbBackup -Repository ./r -ErrorAction SilentlyContinue -ErrorVariable problems
        $good.Source | Should -Be 'app.db'
        $problems.FullyQualifiedErrorId | ForEach-Object { $_.Split(',')[0] } | Should -Be 'NotADatabase', 'PathNotFound'
        $problems[0].TargetObject | Should -Be (Join-Path $TestDrive 'text.db')
    }

    It 'leaves no snapshot of a tree that was not all there' {
        $before = @(Get-Snapshot ./r).Count
        Invoke-FileBackup ./tree, ./nothing -Source x -Repository ./r -ErrorAction SilentlyContinue
        Get-Snapshot ./r | Should -HaveCount $before
    }

    It 'is not restored over in one pipeline by another state of the same source' {
        Invoke-DbBackup ./app.db -Repository ./r | Out-Null
        $results = Get-Snapshot ./r -Source app.db | Restore-Snapshot -InPlace -ErrorAction SilentlyContinue -ErrorVariable problems
        $results | Should -HaveCount 1
        $problems[0].FullyQualifiedErrorId | Should -BeLike 'InvalidArgument,*'
    }
}

Describe 'An error of a later command' {
    It 'passes through as its own' {
        { Get-Snapshot ./r | ForEach-Object { throw 'mine' } } | Should -Throw 'mine'
    }
}

Describe 'Keys' {
    It 'come and go without a look at the data' {
        $key = Add-SnapshotRepositoryKey ./encrypted -Passphrase $secret -NewPassphrase (ConvertTo-TestSecret 'second') -Label two
        $key.Label | Should -Be 'two'
        (Get-SnapshotRepository ./encrypted -Passphrase (ConvertTo-TestSecret 'second')).Keys | Should -HaveCount 2
        $key | Remove-SnapshotRepositoryKey ./encrypted -Passphrase $secret -PassThru | ForEach-Object Id | Should -Be $key.Id
        (Get-TestError { Get-Snapshot ./encrypted -Passphrase (ConvertTo-TestSecret 'second') }).FullyQualifiedErrorId | Should -BeLike 'PassphraseWrong,*'
    }
}
