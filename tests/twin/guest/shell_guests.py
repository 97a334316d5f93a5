"""A managed guest's shell with its lab's clock: scripts in, text out, lab time moves while they wait."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from harness.twin.clock import ClockMode
from harness.twin.cmdlets.guest import guest_commands
from harness.twin.engine import LabEngine
from harness.twin.guest import GuestMachine
from harness.twin.machine import NodeBackend, Plant
from harness.twin.model import ClusterModel, ModelSpec
from harness.twin.model.windows.spec import WindowsGuestSpec
from harness.twin.model.windows.state import GuestOs
from harness.twin.wire.port import CommandSpec, ShellSpec

SHELL = ShellSpec("shell", "VM01\\Administrator", {}, None, 65001, True)
NOVEMBER = datetime(2025, 11, 11, 22, tzinfo=UTC)
JANUARY = datetime(2026, 1, 13, 22, tzinfo=UTC)
S = 1_000_000_000
MINUTE = 60 * S


def encoded(script: str) -> str:
    """A script as `-EncodedCommand` takes it."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


def by_task(script: str) -> str:
    """A script that runs *script* as SYSTEM and prints the file which that leaves."""
    return AS_SYSTEM.replace("@SCRIPT@", encoded(script))


class Output:
    """Takes what a process writes, until it ends."""

    def __init__(self) -> None:
        self.out = ""
        self.error = ""
        self.code: int | None = None
        self.ended = threading.Event()

    def stdout(self, data: bytes) -> None:
        self.out += data.decode()

    def stderr(self, data: bytes) -> None:
        self.error += data.decode()

    def exit(self, code: int) -> None:
        self.code = code
        self.ended.set()


class ShellGuest:
    """VM01 of two nodes with four guests, on a virtual clock."""

    def __init__(self, threads: ThreadPoolExecutor, epoch: datetime, defects: tuple[str, ...], **guest: Any) -> None:
        managed = WindowsGuestSpec("VM01", **guest)
        spec = ModelSpec(nodes=2, guests=4, epoch=epoch, defects=defects, windows=(managed,))
        self.threads = threads
        self.model = ClusterModel(spec)
        self.engine = LabEngine(self.model, ClockMode.parse("virtual"))
        machine = GuestMachine(
            "VM01", Plant(self.model), self.engine, guest_commands(), guest_name="VM01", threads=threads
        )
        self._backend = NodeBackend(machine, threads)

    @property
    def windows(self) -> GuestOs:
        return self.model.windows.machine("VM01")

    def run(self, script: str, timeout_s: float = 7200) -> Output:
        """Run a script as a network log-on to its end, in a process of its own."""
        output = Output()
        line = f"powershell -EncodedCommand {encoded(script)}"
        self._backend.start(CommandSpec("command", line, False, False, SHELL), output)
        assert self.engine.serve(output.ended.is_set, timeout_s), f"still runs after {timeout_s} lab seconds"
        return output

    def text(self, script: str) -> str:
        """What a script prints; it must not report an error."""
        output = self.run(script)
        assert output.error == ""
        return output.out.strip()

    def failure(self, script: str) -> str:
        """The message of the error with which a script ends."""
        return self.text(f"$ErrorActionPreference = 'Stop'\ntry {{ {script} }} catch {{ $_.Exception.Message }}")

    def json(self, script: str) -> Any:
        """The value that a script's JSON says."""
        return json.loads(self.text(script))

    def as_system(self, script: str) -> Any:
        """Run a script by a scheduled task of SYSTEM; the JSON that it left in a file."""
        return self.json(by_task(script))

    def advance(self, ns: int) -> None:
        """Let lab time pass."""
        self.engine.advance(self.model.now_ns + ns)

    def events(self, log: str = "System") -> list[int]:
        """Ids of the events in a log, oldest first."""
        return [entry.id for entry in self.windows.log if entry.log == log]


@contextmanager
def make_guest(epoch: datetime = NOVEMBER, defects: tuple[str, ...] = (), **guest: Any) -> Iterator[ShellGuest]:
    """A new lab; its threads end with the block."""
    threads = ThreadPoolExecutor(8)
    made = ShellGuest(threads, epoch, defects, **guest)
    try:
        yield made
    finally:
        made.engine.close()
        threads.shutdown(wait=True)


PLACE = "C:\\Windows\\Temp\\hil.json"
AS_SYSTEM = r"""
$ErrorActionPreference = 'Stop'
$place = 'C:\Windows\Temp\hil.json'
if (Test-Path $place) { Remove-Item $place }
$action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument '-NoProfile -EncodedCommand @SCRIPT@'
$null = Register-ScheduledTask -TaskName 'hil' -User 'NT AUTHORITY\SYSTEM' -RunLevel Highest -Action $action -Force
Start-ScheduledTask -TaskName 'hil'
while ((Get-ScheduledTask -TaskName 'hil').State -eq 'Running') { Start-Sleep -Seconds 5 }
$info = Get-ScheduledTaskInfo -TaskName 'hil'
Unregister-ScheduledTask -TaskName 'hil' -Confirm:$false
if ($info.LastTaskResult -ne 0) { throw "task result $($info.LastTaskResult)" }
Get-Content -Raw $place
"""

INSTALL = r"""
$session = New-Object -ComObject Microsoft.Update.Session
$session.ClientApplicationID = 'harness'
$searcher = $session.CreateUpdateSearcher()
$found = $searcher.Search("IsInstalled=0 and IsHidden=0 and Type='Software'")
$coll = New-Object -ComObject Microsoft.Update.UpdateColl
foreach ($u in $found.Updates) { [void]$coll.Add($u) }
$d = $session.CreateUpdateDownloader(); $d.Updates = $coll; $dr = $d.Download()
$i = $session.CreateUpdateInstaller(); $i.Updates = $coll; $ir = $i.Install()
[pscustomobject]@{
  Kb = @($found.Updates | ForEach-Object { $_.KBArticleIDs.Item(0) })
  Title = $found.Updates.Item(0).Title
  Behavior = $found.Updates.Item(0).InstallationBehavior.RebootBehavior
  Download = $dr.ResultCode
  Result = $ir.ResultCode; HResult = $ir.HResult; Restart = $ir.RebootRequired
  One = $ir.GetUpdateResult(0).ResultCode
  Pending = (New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired
} | ConvertTo-Json -Compress | Set-Content 'C:\Windows\Temp\hil.json'
"""

INVENTORY = r"""
$os = Get-CimInstance Win32_OperatingSystem; $cv = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
$dg = Get-CimInstance -Namespace root/Microsoft/Windows/DeviceGuard -ClassName Win32_DeviceGuard
$cbs = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending'
$wu = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired'
[pscustomobject]@{ BootUtc = $os.LastBootUpTime.ToUniversalTime().ToString('o'); Build = $cv.CurrentBuildNumber
 UBR = $cv.UBR; Edition = $cv.EditionID; InstallType = $cv.InstallationType
 Vbs = $dg.VirtualizationBasedSecurityStatus; Kb = @((Get-HotFix).HotFixID)
 CbsPending = Test-Path $cbs; WuPending = Test-Path $wu
 Pids = @(Get-Process | ForEach-Object { "$($_.Name):$($_.Id)" }) } | ConvertTo-Json -Compress
"""
