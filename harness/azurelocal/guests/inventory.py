"""One look at Windows in a guest: everything from which "restarted", "touched", "eligible" can be told.

One script, so that all parts are of one moment.  Keys and classes: [D] Win32_DeviceGuard, WSD
enable-hotpatch-azure-edition; keys of a pending restart [D], [C]; event ids [D].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.azurelocal.command import Command
from harness.errors import ProductError
from harness.measure.guest_changes import RESTART_EVENTS
from harness.transports.powershell import Value, fill, script_json
from harness.transports.replies import Json, as_flag, as_list, as_number, as_record, as_text, as_time
from harness.values import DirectAccess, GuestEvent, GuestInventory, GuestService, PastInstallation

_WINDOWS: Final = "HKLM:\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
_CBS: Final = f"{_WINDOWS}\\Component Based Servicing"
_UPDATE: Final = f"{_WINDOWS}\\WindowsUpdate"
_CONTROL: Final = "HKLM:\\SYSTEM\\CurrentControlSet\\Control"
_VERSION: Final = "HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"

HARD_KEYS: Final[Mapping[str, str]] = {
    "CBS RebootPending": f"{_CBS}\\RebootPending",
    "CBS RebootInProgress": f"{_CBS}\\RebootInProgress",
    "CBS PackagesPending": f"{_CBS}\\PackagesPending",
    "WU RebootRequired": f"{_UPDATE}\\Auto Update\\RebootRequired",
}
"""Keys whose existence means that servicing waits for a restart."""

SOFT_KEYS: Final[Mapping[str, str]] = {
    "WU PostRebootReporting": f"{_UPDATE}\\Auto Update\\PostRebootReporting",
    "WU Services Pending": f"{_UPDATE}\\Services\\Pending",
    "ServerManager CurrentRebootAttempts": "HKLM:\\SOFTWARE\\Microsoft\\ServerManager\\CurrentRebootAttempts",
}
"""Keys that are often there for other reasons: only their appearing counts."""

FILE_RENAMES: Final = "PendingFileRenameOperations"
"""Soft too: anti-virus software and agents set it."""

SERVICING_BUSY: Final = "CBS ServicingInProgress"
"""Value 1: a restart is pending, 2: the servicing stack works ([C])."""

UPDATE_EVENTS: Final = (19, 20, 21, 22, 43, 44)
"""WindowsUpdateClient: installed, failed, restart required (twice), installation and download started ([D])."""
UPDATE_CLIENT: Final = "Microsoft-Windows-WindowsUpdateClient"

EVENTS_AT_MOST: Final = 200
HISTORY_AT_MOST: Final = 50

_LOOK: Final = """$os=Get-CimInstance Win32_OperatingSystem
$cv=Get-ItemProperty <<version>>
$dg=Get-CimInstance -Namespace root/Microsoft/Windows/DeviceGuard -ClassName Win32_DeviceGuard
function Value($key,$name){if(Test-Path $key){(Get-ItemProperty $key).$name}}
function Utc($moment){if($moment){$moment.ToUniversalTime().ToString('o')}else{''}}
$begun=@{}
Get-CimInstance Win32_Process|ForEach-Object{$begun["$($_.ProcessId)"]=Utc $_.CreationDate}
$boot=$null;try{$boot=[bool](Confirm-SecureBootUEFI)}catch{}
$past=$null
try{$s=(New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
$past=@($s.QueryHistory(0,[Math]::Min(<<past>>,$s.GetTotalHistoryCount()))|ForEach-Object{
@{title=$_.Title;result=$_.ResultCode;hresult=$_.HResult;client=$_.ClientApplicationID}})}catch{}
$hard=<<hard>>;$soft=<<soft>>
@{computer=$env:COMPUTERNAME;booted=Utc $os.LastBootUpTime;product=$cv.ProductName;edition=$cv.EditionID
installation=$cv.InstallationType;build="$($cv.CurrentBuildNumber)";revision=$cv.UBR;vbs=$dg.VirtualizationBasedSecurityStatus
vbs_configured="$(Value <<guard>> 'EnableVirtualizationBasedSecurity')";table="$(Value <<memory>> 'HotPatchTableSize')"
enrolment="$(Value <<enrolment>> 'Name')";secure_boot=$boot;kbs=@((Get-HotFix).HotFixID)
pending=@($hard.Keys|Where-Object{Test-Path $hard[$_]});soft=@($soft.Keys|Where-Object{Test-Path $soft[$_]})
renames=[bool](Value <<session>> 'PendingFileRenameOperations');servicing="$(Value <<interface>> 'ServicingInProgress')"
services=@(Get-CimInstance Win32_Service|Where-Object{$_.StartMode -eq 'Auto'}|ForEach-Object{
@{name=$_.Name;state=$_.State;pid=$_.ProcessId;started="$($begun["$($_.ProcessId)"])"}})
events=@(Get-WinEvent -FilterHashtable @{LogName='System';Id=<<ids>>} -MaxEvents <<most>> -ErrorAction SilentlyContinue|
ForEach-Object{@{record=$_.RecordId;provider=$_.ProviderName;id=$_.Id;at=Utc $_.TimeCreated
detail="$(@($_.Properties|ForEach-Object{$_.Value})[0])"}})
history=$past}"""

_PROBE: Final = """function Try-Wua($call){try{$null=&$call;@{code=0;text=''}}catch{$e=$_.Exception
while($e.InnerException){$e=$e.InnerException};@{code=$e.HResult;text=$e.Message}}}
@{install=Try-Wua {(New-Object -ComObject Microsoft.Update.Session).CreateUpdateInstaller()}
search=Try-Wua {(New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()}}"""


def read_inventory() -> Command[GuestInventory]:
    """One look at the guest that it is sent to."""
    return Command("guest-inventory", script_json(fill(_LOOK, **_values()), depth=4), parse_inventory)


def _values() -> dict[str, Value]:
    return {
        "version": _VERSION,
        "guard": f"{_CONTROL}\\DeviceGuard",
        "memory": f"{_CONTROL}\\Session Manager\\Memory Management",
        "session": f"{_CONTROL}\\Session Manager",
        "interface": f"{_CBS}\\Interface",
        "enrolment": f"{_VERSION}\\Update\\TargetingInfo\\DynamicInstalled\\Hotpatch.amd64",
        "hard": dict(HARD_KEYS),
        "soft": dict(SOFT_KEYS),
        "ids": sorted({*UPDATE_EVENTS, *(number for ids in RESTART_EVENTS.values() for number in ids)}),
        "most": EVENTS_AT_MOST,
        "past": HISTORY_AT_MOST,
    }


def parse_inventory(document: Json) -> GuestInventory:
    """The answer to `read_inventory`.  Raises ProductError where the guest could not tell its build or its start."""
    row = as_record(document)
    build, revision, booted = as_number(row.get("build")), as_number(row.get("revision")), as_time(row.get("booted"))
    if build is None or revision is None or booted is None:
        raise ProductError(
            f"the guest told build '{row.get('build')}', UBR '{row.get('revision')}', start '{row.get('booted')}': "
            "expected two numbers and a moment",
            hint="run the inventory in the guest by hand; its registry or its WMI may be broken",
        )
    servicing = int(as_number(row.get("servicing")) or 0)
    busy = (f"{SERVICING_BUSY} {servicing}",) if servicing else ()
    renames = (FILE_RENAMES,) if as_flag(row.get("renames")) else ()
    return GuestInventory(
        computer=as_text(row.get("computer")),
        product=as_text(row.get("product")),
        edition=as_text(row.get("edition")),
        installation=as_text(row.get("installation")),
        build=int(build),
        revision=int(revision),
        booted=as_text(row.get("booted")),
        kbs=tuple(sorted(as_text(kb) for kb in as_list(row.get("kbs")) if kb)),
        vbs=int(as_number(row.get("vbs")) or 0),
        vbs_configured=as_text(row.get("vbs_configured")) == "1",
        hotpatch_table=int(as_number(row.get("table")) or 0),
        enrolment=as_text(row.get("enrolment")),
        secure_boot=None if row.get("secure_boot") is None else as_flag(row.get("secure_boot")),
        pending=(*sorted(as_text(name) for name in as_list(row.get("pending"))), *busy),
        pending_soft=(*sorted(as_text(name) for name in as_list(row.get("soft"))), *renames),
        services=tuple(sorted(map(_service, as_list(row.get("services"))), key=lambda service: service.name)),
        events=tuple(sorted(filter(_is_kept, map(_event, as_list(row.get("events")))), key=lambda event: event.record)),
        history=None if row.get("history") is None else tuple(map(_past, as_list(row.get("history")))),
    )


def _service(document: Json) -> GuestService:
    row = as_record(document)
    pid = int(as_number(row.get("pid")) or 0)
    return GuestService(as_text(row.get("name")), as_text(row.get("state")), pid, as_text(row.get("started")))


def _event(document: Json) -> GuestEvent:
    row = as_record(document)
    return GuestEvent(
        record=int(as_number(row.get("record")) or 0),
        provider=as_text(row.get("provider")),
        id=int(as_number(row.get("id")) or 0),
        at=as_text(row.get("at")),
        detail=as_text(row.get("detail")),
    )


def _is_kept(event: GuestEvent) -> bool:
    """Other providers use the same ids."""
    return event.id in RESTART_EVENTS.get(event.provider, ()) or event.provider == UPDATE_CLIENT


def _past(document: Json) -> PastInstallation:
    row = as_record(document)
    return PastInstallation(
        as_text(row.get("title")),
        int(as_number(row.get("result")) or 0),
        int(as_number(row.get("hresult")) or 0),
        as_text(row.get("client")),
    )


def probe_direct_access() -> Command[DirectAccess]:
    """What Windows Update says to this log-on when it asks for an installer and a searcher; changes nothing.

    A network log-on is refused the installer ([D] W32 using-wua-from-a-remote-computer), on Windows Server 2025 the
    searcher too ([P]): so it is always asked, never relied on.
    """
    return Command("guest-direct-access", script_json(_PROBE, depth=2), parse_direct_access)


def parse_direct_access(document: Json) -> DirectAccess:
    """The answer to `probe_direct_access`."""
    row = as_record(document)
    install, search = as_record(row.get("install")), as_record(row.get("search"))
    code = int(as_number(install.get("code")) or 0)
    return DirectAccess(code != 0, code, as_text(install.get("text")), bool(as_number(search.get("code"))))
