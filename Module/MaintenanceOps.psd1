@{
    # The build puts the version of Directory.Build.props here.
    ModuleVersion        = '0.0.0'
    GUID                 = 'b6f0a7a3-8f0e-4f43-9f0c-5d1f2b9c7e41'
    Author               = 'MaintenanceOps contributors'
    CompanyName          = 'MaintenanceOps'
    Copyright            = 'MIT licence'
    Description          = 'Backs up self-hosted applications, proves that the backups restore, and brings them back: SQLite and PostgreSQL databases while they are in use, files and folders, in a de-duplicated, optionally encrypted repository. Checks health, keeps databases in shape, and closes an application for as long as needed.'
    CompatiblePSEditions = @('Core')
    PowerShellVersion    = '7.6'

    # The loader comes first: it lets the commands find the engine in a load context of its own.
    NestedModules        = @('MaintenanceOps.Loader.dll')
    RootModule           = 'MaintenanceOps.Commands.dll'
    FormatsToProcess     = @('MaintenanceOps.Format.ps1xml')
    TypesToProcess       = @('MaintenanceOps.Types.ps1xml')

    CmdletsToExport      = @(
        'Add-SnapshotRepositoryKey'
        'Compare-Snapshot'
        'Copy-Snapshot'
        'Enable-WalArchive'
        'Export-Snapshot'
        'Get-DatabaseHealth'
        'Get-HealthHistory'
        'Get-MaintenanceMode'
        'Get-Snapshot'
        'Get-SnapshotItem'
        'Get-SnapshotRepository'
        'Invoke-DbBackup'
        'Invoke-FileBackup'
        'Invoke-SnapshotRetention'
        'New-MaintenanceProxyConfig'
        'New-SnapshotRepository'
        'Optimize-Database'
        'Optimize-SnapshotRepository'
        'Remove-Snapshot'
        'Remove-SnapshotRepositoryKey'
        'Restore-Snapshot'
        'Set-MaintenanceMode'
        'Test-Database'
        'Test-Health'
        'Test-Snapshot'
        'Test-SnapshotRepository'
        'Test-WalArchive'
        'Wait-Health'
        'Watch-Health'
    )
    FunctionsToExport    = @()
    AliasesToExport      = @()
    VariablesToExport    = @()

    PrivateData          = @{
        PSData = @{
            Tags       = @('PSEdition_Core', 'Windows', 'Linux', 'MacOS', 'backup', 'restore', 'snapshot', 'sqlite', 'postgresql', 'health', 'maintenance', 'deduplication', 'encryption')
            LicenseUri = 'https://opensource.org/license/mit'
        }
    }
}
