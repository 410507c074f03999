BeforeDiscovery {
    # A name, and a namesake that it fits when it is taken as a wildcard.
    $script:names = @(
        @{ Name = 'notes[1].db'; Namesake = 'notes1.db' }
        @{ Name = 'a[b-d]e.db'; Namesake = 'ace.db' }
        @{ Name = 'two words [x].db'; Namesake = 'two words x.db' }
        @{ Name = 'back`tick[0].db'; Namesake = 'backtick0.db' }
        @{ Name = 'dollar$HOME.db'; Namesake = 'dollar.db' }
        @{ Name = 'what?.db'; Namesake = 'whats.db' }
        @{ Name = 'star*.db'; Namesake = 'starlight.db' }
    )
}

BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    Set-StrictMode -Version Latest
    $ErrorActionPreference = 'Stop'
    $ConfirmPreference = 'None'
    function Get-Exactly([string] $Folder, [string] $Name) { Get-ChildItem -LiteralPath $Folder | Where-Object Name -CEQ $Name }
}

Describe 'A file that is piped is the file that is taken: <Name>' -ForEach $names {
    BeforeAll {
        $folder = Join-Path $TestDrive ([guid]::NewGuid().ToString('N'))
        $null = [IO.Directory]::CreateDirectory($folder)
        New-TestDatabase -Path ([IO.Path]::Combine($folder, $Name)) -Rows 3
        New-TestDatabase -Path ([IO.Path]::Combine($folder, $Namesake)) -Rows 7
        $file = Get-Exactly $folder $Name
        $repository = Join-Path $folder 'repository'
    }

    It 'by Invoke-DbBackup, alone and as one of several' {
        ($file | Invoke-DbBackup -Repository $repository -Source one -Initialize).Origin | Should -BeExactly $file.FullName
        $all = Get-ChildItem -LiteralPath $folder -File | Invoke-DbBackup -Repository $repository
        $all.Origin | Sort-Object | Should -BeExactly (@($Name, $Namesake) | ForEach-Object { [IO.Path]::Combine($folder, $_) } | Sort-Object)
    }

    It 'as an argument, by its literal path, and as an object of a job' {
        (Invoke-DbBackup $file -Repository $repository -Source two).Origin | Should -BeExactly $file.FullName
        (Invoke-DbBackup -LiteralPath $file.FullName -Repository $repository -Source three).Origin | Should -BeExactly $file.FullName
        $remote = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($file))
        ($remote | Invoke-DbBackup -Repository $repository -Source four).Origin | Should -BeExactly $file.FullName
    }

    It 'by Invoke-FileBackup, Test-Database and Get-DatabaseHealth' {
        $snapshot = $file | Invoke-FileBackup -Repository $repository -Source files
        (Get-SnapshotItem -Id $snapshot.Id -Repository $repository | Where-Object Kind -EQ File).Path | Should -BeExactly $Name
        ($file | Test-Database).Database | Select-Object -Unique | Should -BeExactly $file.FullName
        $file | Get-DatabaseHealth | ForEach-Object { $_.Database | Should -BeExactly $file.FullName }
    }
}

Describe 'Text as a path' {
    BeforeAll {
        $folder = Join-Path $TestDrive text
        $null = New-Item -ItemType Directory $folder
        New-TestDatabase -Path "$folder/only[1].db" -Rows 3
        New-TestDatabase -Path "$folder/both[1].db" -Rows 3
        New-TestDatabase -Path "$folder/both1.db" -Rows 3
        $repository = Join-Path $folder r
    }

    It 'means the file of that name where it fits nothing as a wildcard' {
        (Invoke-DbBackup "$folder/only[1].db" -Repository $repository -Source only -Initialize).Origin | Should -BeExactly "$folder/only[1].db"
    }

    It 'says so where the wildcard wins over a file of that name' {
        $snapshot = Invoke-DbBackup "$folder/both[1].db" -Repository $repository -Source both -WarningVariable warnings -WarningAction SilentlyContinue
        $snapshot.Origin | Should -BeExactly "$folder/both1.db"
        $warnings | Should -Match 'LiteralPath'
    }
}
