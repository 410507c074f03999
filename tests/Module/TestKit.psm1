# What the tests share. It is imported in BeforeAll of each file.

function New-TestDatabase {
    <#
    .SYNOPSIS
        Makes a SQLite database with Python; the module itself only reads databases.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([string] $Path, [int] $Rows = 500, [string] $Text = 'row')
    if (-not $PSCmdlet.ShouldProcess($Path)) { return }
    $script = @'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("pragma journal_mode=wal")
c.execute("create table if not exists notes(id integer primary key, body text)")
c.execute("create table if not exists users(id integer primary key, name text)")
c.executemany("insert into notes(body) values(?)", [("%s %d" % (sys.argv[3], i),) for i in range(int(sys.argv[2]))])
c.executemany("insert into users(name) values(?)", [("user %d" % i,) for i in range(10)])
c.commit()
c.close()
'@
    $script | python3 - $Path $Rows $Text
    if ($LASTEXITCODE -ne 0) { throw "python3 could not make $Path" }
}

function Invoke-TestSql {
    <#
    .SYNOPSIS
        Runs one statement and gives its first row as Python shows it.
    #>
    param([string] $Path, [string] $Sql)
    "import sqlite3,sys`nc=sqlite3.connect(sys.argv[1])`nprint(c.execute(sys.argv[2]).fetchone())`nc.commit()" | python3 - $Path $Sql
}

function Start-TestSite {
    <#
    .SYNOPSIS
        Serves files on a free port of this machine, and gives the server's process id and address.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([string] $Root, [hashtable] $File)
    if (-not $PSCmdlet.ShouldProcess($Root)) { return }
    $null = New-Item -ItemType Directory -Force $Root
    foreach ($name in $File.Keys) { Set-Content -NoNewline -LiteralPath (Join-Path $Root $name) -Value $File[$name] }
    $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
    $listener.Start()
    $port = $listener.LocalEndpoint.Port
    $listener.Stop()
    $process = Start-Process python3 -ArgumentList '-m', 'http.server', $port, '--bind', '127.0.0.1', '--directory', $Root -RedirectStandardError (Join-Path $Root '.log') -PassThru
    $uri = "http://127.0.0.1:$port/"
    foreach ($attempt in 1..100) {
        try { $null = Invoke-WebRequest $uri -TimeoutSec 1; break } catch { Start-Sleep -Milliseconds 50 }
    }
    [pscustomobject]@{ Id = $process.Id; Uri = $uri }
}

function Get-TreeHash {
    <#
    .SYNOPSIS
        One hash over the names and contents of all files below a folder.
    #>
    param([string] $Path)
    $lines = Get-ChildItem $Path -Recurse -File -Force | Sort-Object FullName | ForEach-Object { "$($_.FullName) $((Get-FileHash -LiteralPath $_.FullName).Hash)" }
    $bytes = [Text.Encoding]::UTF8.GetBytes(($lines -join "`n"))
    [Convert]::ToHexString([Security.Cryptography.SHA256]::HashData($bytes))
}

function Invoke-FreshShell {
    <#
    .SYNOPSIS
        Runs a script in a new pwsh and gives its lines; the module's manifest is in $manifest there.
    #>
    param([string] $Script, [string] $WorkingDirectory = $PWD)
    $file = Join-Path ([IO.Path]::GetTempPath()) "mops-$([guid]::NewGuid().ToString('N')).ps1"
    try {
        Set-Content -LiteralPath $file -Value @"
`$ErrorActionPreference = 'Stop'
`$ProgressPreference = 'SilentlyContinue'
`$manifest = '$env:MAINTENANCEOPS_TEST_MANIFEST'
Set-Location -LiteralPath '$WorkingDirectory'
$Script
"@
        $env:NO_COLOR = '1'
        pwsh -NoProfile -NonInteractive -File $file 2>&1 | ForEach-Object { "$_" }
    }
    finally {
        Remove-Item -LiteralPath $file
    }
}

function ConvertTo-TestSecret {
    <#
    .SYNOPSIS
        A secure string from a word of a test.
    #>
    param([string] $Word)
    $secret = [securestring]::new()
    $Word.ToCharArray() | ForEach-Object { $secret.AppendChar($_) }
    $secret
}

function Invoke-AsServer {
    <#
    .SYNOPSIS
        Runs a program as the user that PostgreSQL's installation made, where the tests run as root.
    #>
    param([string[]] $Words)
    $all = (id -u) -eq '0' ? @('setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups') + $Words : $Words
    $first, $rest = $all
    & $first @rest
    if ($LASTEXITCODE -ne 0) { throw "$Words ended with $LASTEXITCODE" }
}

function Start-TestServer {
    <#
    .SYNOPSIS
        A real PostgreSQL server on a socket in a folder; it puts its log into the folder log there.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType([hashtable])]
    param([string] $Path)
    if (-not $PSCmdlet.ShouldProcess($Path)) { return }
    $programs = Get-ChildItem /usr/lib/postgresql | Sort-Object { [int]$_.Name } | Select-Object -Last 1 | ForEach-Object { Join-Path $_.FullName bin }
    if ((id -u) -eq '0') { chown -R postgres $Path }
    Invoke-AsServer "$programs/initdb", '--pgdata', "$Path/data", '--auth=trust', '--username=postgres', '--no-sync' | Out-Null
    Add-Content "$Path/data/postgresql.conf" "listen_addresses = ''`nunix_socket_directories = '$Path'`nfsync = off`narchive_mode = on`narchive_command = 'cp %p $Path/log/%f'"
    Invoke-AsServer "$programs/pg_ctl", '--pgdata', "$Path/data", '--log', "$Path/server.log", '--wait', '--silent', 'start' | Out-Null
    @{ Path = $Path; Programs = $programs }
}

function Stop-TestServer {
    <#
    .SYNOPSIS
        Stops a server of Start-TestServer at once.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([hashtable] $Server)
    if ($PSCmdlet.ShouldProcess($Server.Path)) {
        Invoke-AsServer "$($Server.Programs)/pg_ctl", '--pgdata', "$($Server.Path)/data", '--mode=immediate', '--wait', '--silent', 'stop' | Out-Null
    }
}

function Invoke-TestServerSql {
    <#
    .SYNOPSIS
        Runs statements and gives what psql prints.
    #>
    param([hashtable] $Server, [string] $Sql, [string] $Database = 'postgres')
    Invoke-AsServer "$($Server.Programs)/psql", '--quiet', '--no-align', '--tuples-only', '--host', $Server.Path, '--username', 'postgres', '--dbname', $Database, '--command', $Sql
}

function Save-TestLog {
    <#
    .SYNOPSIS
        Puts the log that the server has written into a repository, as its archive_command would.
    #>
    param([hashtable] $Server, [string] $Repository)
    $mops = Join-Path $PSScriptRoot '../../artifacts/bin/MaintenanceOps.Runner'
    $mops = Get-ChildItem $mops -Recurse -File -Filter mops* | Where-Object Name -in 'mops', 'mops.exe' | Select-Object -First 1
    Start-Sleep -Seconds 1
    Push-Location "$($Server.Path)/data"
    try {
        Get-ChildItem "$($Server.Path)/log" | ForEach-Object {
            & $mops.FullName wal-push $_.FullName --repository $Repository
            if ($LASTEXITCODE -ne 0) { throw "wal-push ended with $LASTEXITCODE" }
        }
    }
    finally {
        Pop-Location
    }
}

Export-ModuleMember -Function New-TestDatabase, Invoke-TestSql, Start-TestSite, Get-TreeHash, Invoke-FreshShell, ConvertTo-TestSecret, Start-TestServer, Stop-TestServer, Invoke-TestServerSql, Save-TestLog
