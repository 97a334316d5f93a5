"""The aliases of Windows PowerShell 5.1 for commands that the shell or the domain has."""

from __future__ import annotations

from typing import Final

from harness.twin.shell.commands.table import CORE

ALIASES: Final = (
    "h Get-History;r Invoke-History;"
    "% ForEach-Object;? Where-Object;ac Add-Content;cat Get-Content;cd Set-Location;chdir Set-Location;clc "
    "Clear-Content;"
    "clear Clear-Host;clv Clear-Variable;cls Clear-Host;compare Compare-Object;copy Copy-Item;cp Copy-Item;cpi "
    "Copy-Item;"
    "cvpa Convert-Path;del Remove-Item;diff Compare-Object;dir Get-ChildItem;echo Write-Output;epal Export-Alias;"
    "epcsv Export-Csv;erase Remove-Item;fc Format-Custom;fl Format-List;foreach ForEach-Object;ft Format-Table;"
    "fw Format-Wide;gal Get-Alias;gc Get-Content;gci Get-ChildItem;gcm Get-Command;gcim Get-CimInstance;gi Get-Item;"
    "gl Get-Location;gm Get-Member;gmo Get-Module;gp Get-ItemProperty;gps Get-Process;group Group-Object;gsv "
    "Get-Service;"
    "gu Get-Unique;gv Get-Variable;gwmi Get-WmiObject;h Get-History;history Get-History;icm Invoke-Command;"
    "iex Invoke-Expression;ii Invoke-Item;ipal Import-Alias;ipcsv Import-Csv;ipmo Import-Module;irm Invoke-RestMethod;"
    "iwr Invoke-WebRequest;kill Stop-Process;ls Get-ChildItem;man help;md mkdir;measure Measure-Object;mi Move-Item;"
    "move Move-Item;mv Move-Item;nal New-Alias;ni New-Item;nmo New-Module;nv New-Variable;oh Out-Host;popd "
    "Pop-Location;"
    "ps Get-Process;pushd Push-Location;pwd Get-Location;rd Remove-Item;ren Rename-Item;ri Remove-Item;rm Remove-Item;"
    "rmdir Remove-Item;rmo Remove-Module;rni Rename-Item;rv Remove-Variable;rvpa Resolve-Path;sal Set-Alias;"
    "saps Start-Process;sasv Start-Service;sc Set-Content;select Select-Object;set Set-Variable;si Set-Item;"
    "sl Set-Location;sleep Start-Sleep;sls Select-String;sort Sort-Object;sp Set-ItemProperty;spps Stop-Process;"
    "spsv Stop-Service;start Start-Process;sv Set-Variable;tee Tee-Object;type Get-Content;where Where-Object;"
    "write Write-Output;rnp Rename-ItemProperty;cli Clear-Item;clp Clear-ItemProperty;etsn Enter-PSSession;"
    "nsn New-PSSession;rsn Remove-PSSession;gjb Get-Job;sajb Start-Job;rcjb Receive-Job;gsn Get-PSSession"
)
READ_ONLY: Final = frozenset(
    [
        "%",
        "?",
        "ac",
        "clc",
        "clv",
        "cpi",
        "cvpa",
        "epal",
        "epcsv",
        "fc",
        "fl",
        "foreach",
        "ft",
        "fw",
        "gal",
        "gc",
        "gci",
        "gcm",
        "gcim",
        "gi",
        "gl",
        "gm",
        "gmo",
        "gp",
        "gps",
        "group",
        "gsv",
        "gu",
        "gv",
        "gwmi",
        "icm",
        "iex",
        "ii",
        "ipal",
        "ipcsv",
        "ipmo",
        "irm",
        "iwr",
        "measure",
        "mi",
        "mp",
        "nal",
        "ni",
        "nmo",
        "nv",
        "oh",
        "rdr",
        "ri",
        "rmo",
        "rni",
        "rp",
        "rv",
        "rvpa",
        "sal",
        "saps",
        "sasv",
        "sc",
        "select",
        "si",
        "sl",
        "sleep",
        "sls",
        "sort",
        "sp",
        "spps",
        "spsv",
        "start",
        "sv",
        "tee",
        "where",
    ]
)

for _pair in ALIASES.split(";"):
    _name, _target = _pair.split(" ")
    CORE.alias(_name, _target)
