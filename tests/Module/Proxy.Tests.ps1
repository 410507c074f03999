BeforeAll {
    Import-Module $PSScriptRoot/TestKit.psm1 -Force
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    $script:common = @{ FlagPath = '/run/notes/maintenance.flag'; Name = 'notes' }
}

Describe 'New-MaintenanceProxyConfig' {
    It 'makes the files of <Kind>' -ForEach @(
        @{ Kind = 'Nginx'; Ends = '-http.conf', '-server.inc' }
        @{ Kind = 'Traefik'; Ends = '-gate.conf', '.yml' }
        @{ Kind = 'Caddy'; Ends = @('.caddy') }
        @{ Kind = 'HAProxy'; Ends = '.lua', '.cfg', '-lines.inc' }
    ) {
        $folder = Join-Path $TestDrive $Kind
        $files = New-MaintenanceProxyConfig $Kind @common -OutputPath $folder -ExemptPath /health -RetryAfter 30m
        $files | Should -BeOfType System.IO.FileInfo
        $files.Name | Should -Be (@('.html', '.json') + $Ends | ForEach-Object { "notes-maintenance$_" })
        (Get-Content "$folder/notes-maintenance.json" | ConvertFrom-Json).retryAfterSeconds | Should -Be 1800
    }

    It 'makes none with -WhatIf, with -Force neither' {
        $folder = Join-Path $TestDrive none
        New-MaintenanceProxyConfig Nginx @common -OutputPath $folder -WhatIf | Should -BeNullOrEmpty
        New-MaintenanceProxyConfig Nginx @common -OutputPath $folder -Force -WhatIf | Should -BeNullOrEmpty
        $folder | Should -Not -Exist
    }

    It 'replaces nothing without -Force' {
        $folder = Join-Path $TestDrive again
        New-MaintenanceProxyConfig Caddy @common -OutputPath $folder | Out-Null
        Set-Content "$folder/notes-maintenance.html" mine
        $before = Get-TreeHash $folder
        { New-MaintenanceProxyConfig Caddy @common -OutputPath $folder -ErrorAction Stop } | Should -Throw -ErrorId 'DestinationInUse*'
        Get-TreeHash $folder | Should -Be $before
        New-MaintenanceProxyConfig Caddy @common -OutputPath $folder -Force | Should -HaveCount 3
        Get-Content "$folder/notes-maintenance.html" | Should -Not -Be mine
    }

    It 'takes the flag from where it is known' {
        $flag = Join-Path $TestDrive maintenance.flag
        Get-MaintenanceMode $flag | New-MaintenanceProxyConfig Nginx -OutputPath (Join-Path $TestDrive piped) | Out-Null
        Join-Path $TestDrive piped/app-maintenance-server.inc | Should -FileContentMatch ([regex]::Escape("`"$flag`""))
    }

    It 'takes from a plan what it says' {
        $plan = Join-Path $TestDrive 'maintenance.yaml'
        Set-Content $plan "app: notes`nmaintenance: { flag: /run/notes/m.flag, page: page.html, retryAfter: 30m, exempt: [/health] }"
        $files = New-MaintenanceProxyConfig Nginx -Plan $plan -OutputPath (Join-Path $TestDrive planned)
        $files.Name | Should -Be 'page.html', 'page.json', 'notes-maintenance-http.conf', 'notes-maintenance-server.inc'
        (Get-Content "$TestDrive/page.json" | ConvertFrom-Json).retryAfterSeconds | Should -Be 1800
        Join-Path $TestDrive planned/notes-maintenance-server.inc | Should -FileContentMatch ([regex]::Escape('"/run/notes/m.flag"'))
        Join-Path $TestDrive planned/notes-maintenance-http.conf | Should -FileContentMatch '/health'
        $files[0].PSParentPath | Should -Not -BeNullOrEmpty
    }

    It 'refuses what would mean more than itself' {
        { New-MaintenanceProxyConfig Nginx -FlagPath '/run/a";}b' -OutputPath $TestDrive -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
        { New-MaintenanceProxyConfig Nginx -FlagPath maintenance.flag -OutputPath $TestDrive -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidArgument*'
    }
}
