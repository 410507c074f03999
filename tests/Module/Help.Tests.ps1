BeforeDiscovery {
    Import-Module $env:MAINTENANCEOPS_TEST_MANIFEST -Force
    $script:commands = Get-Command -Module MaintenanceOps | ForEach-Object { @{ Name = $_.Name } }
}

Describe 'Help of <Name>' -ForEach $commands {
    BeforeAll {
        $script:help = Get-Help $Name -Full
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters + [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
        $script:own = (Get-Command $Name).Parameters.Keys | Where-Object { $_ -notin $common }
    }

    It 'says what the command does' {
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -Match '^\s*(Get|New|Test|Add|Remove|Invoke|Copy|Export|Compare|Restore|Optimize)-'
        ($help.Description | Out-String).Trim().Length | Should -BeGreaterThan 40
    }

    It 'explains each parameter, and none that does not exist' {
        foreach ($parameter in $own) {
            $text = ($help.parameters.parameter | Where-Object name -EQ $parameter).description.Text -join ' '
            $text.Trim() | Should -Not -BeNullOrEmpty -Because "-$parameter needs help"
        }
        $help.parameters.parameter.name | Where-Object { $_ -notin ($own + $common) } | Should -BeNullOrEmpty
    }

    It 'has two examples or more, with what they show' {
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
        foreach ($example in $help.examples.example) {
            $example.code | Should -Match $Name
            $example.title | Should -Not -BeNullOrEmpty
        }
    }

    It 'has a syntax for each parameter set' {
        @($help.syntax.syntaxItem).Count | Should -Be (Get-Command $Name).ParameterSets.Count
    }
}

Describe 'The topic <_>' -ForEach 'about_MaintenanceOps', 'about_SnapshotRepository', 'about_Retention' {
    It 'is found and has lines that fit' {
        $text = Get-Help $_ | Out-String
        $text | Should -Match 'SHORT DESCRIPTION'
        ($text -split "`n" | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual 100
    }
}
