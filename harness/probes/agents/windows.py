"""The agent in a Windows guest: a folder, a scheduled task of SYSTEM, and the process that it keeps.

Everything is asked of the guest's own WinRM.  [D] WPD ScheduledTasks, icacls; a task's usual limit of three days and
its usual priority 7, which is below normal, are both lifted ([D] W32 taskschd TaskSettings).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from harness.azurelocal.command import Command
from harness.errors import HarnessError, ProductError
from harness.probes.agents.settings import INSTALL, WINDOWS, AgentLook, AgentSettings, agent_text, undo_record
from harness.transports.powershell import command_line, fill, script_json
from harness.transports.replies import Json, as_flag, as_list, as_number, as_record, as_text

FOLDER: Final = "C:\\ProgramData\\azurelocal-hil"
TASK: Final = "azurelocal-hil-heartbeat"
SCRIPT: Final = "heartbeat.ps1"
SETTINGS: Final = "heartbeat.json"
WITHIN_S: Final = 120.0

_TELL: Final = """$folder=<<folder>>;$task=<<task>>;$script="$folder\\heartbeat.ps1"
$t=Get-ScheduledTask -TaskName $task -ErrorAction SilentlyContinue
$own=@(Get-CimInstance Win32_Process|Where-Object{"$($_.CommandLine)".Contains($script)})
$left=@();if($t){$left+="task $task"}
foreach($name in 'heartbeat.ps1','heartbeat.json','heartbeat.boot'){
if(Test-Path "$folder\\$name"){$left+="file $folder\\$name"}}
if(Test-Path $folder){$left+="folder $folder"}
foreach($p in $own){$left+="process $($p.ProcessId)"}
$s=@{};if(Test-Path "$folder\\heartbeat.json"){$s=ConvertFrom-Json (Get-Content -Raw "$folder\\heartbeat.json")}
$state='';$last=0;if($t){$state="$($t.State)";$last=(Get-ScheduledTaskInfo -TaskName $task).LastTaskResult}
@{state=$state;last=$last;startup=[bool]@($t.Triggers|Where-Object{$_}).Count;
pids=@($own|ForEach-Object{$_.ProcessId});left=$left
host="$($s.host)";port="$($s.port)";period="$($s.period_ms)";agent="$($s.agent)";signed=[bool]$s.key}
"""

_INSTALL: Final = """$folder=<<folder>>;$task=<<task>>;$agent=<<agent>>;$settings=<<settings>>
$script="$folder\\heartbeat.ps1";$config="$folder\\heartbeat.json"
$null=New-Item -ItemType Directory -Path $folder -Force
$null=icacls.exe $folder /setowner '*S-1-5-32-544'
$null=icacls.exe $folder /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F'
if($LASTEXITCODE -ne 0){throw "icacls.exe could not close $folder to others: exit code $LASTEXITCODE"}
function Same($path,$text){(Test-Path $path) -and ((Get-Content -Raw $path) -ceq $text)}
function Runs{"$((Get-ScheduledTask -TaskName $task -ErrorAction SilentlyContinue).State)" -eq 'Running'}
$t=Get-ScheduledTask -TaskName $task -ErrorAction SilentlyContinue
if(-not($t -and (Same $script $agent) -and (Same $config $settings))){
if(Runs){Stop-ScheduledTask -TaskName $task
foreach($i in 1..50){if(-not(Runs)){break};Start-Sleep -Milliseconds 200}}
Set-Content -Path $script -Value $agent -Encoding ASCII -NoNewline
Set-Content -Path $config -Value $settings -Encoding ASCII -NoNewline
$how="-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$script`""
$a=New-ScheduledTaskAction -Execute 'powershell.exe' -Argument $how
$when=New-ScheduledTaskTrigger -AtStartup
$who=New-ScheduledTaskPrincipal -UserId 'NT AUTHORITY\\SYSTEM' -LogonType ServiceAccount -RunLevel Highest
$rules=New-ScheduledTaskSettingsSet -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 999 `
-RestartInterval (New-TimeSpan -Minutes 1) -Priority 4 -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
$null=Register-ScheduledTask -TaskName $task -Action $a -Trigger $when -Principal $who -Settings $rules -Force `
-Description 'Heartbeats for the azurelocal-hil test harness'}
if(-not(Runs)){Start-ScheduledTask -TaskName $task
foreach($i in 1..50){if((Runs) -and @(Get-CimInstance Win32_Process|
Where-Object{"$($_.CommandLine)".Contains($script)}).Count){break};Start-Sleep -Milliseconds 200}
Start-Sleep -Milliseconds 500}
"""

_REMOVE: Final = """$folder=<<folder>>;$task=<<task>>;$script="$folder\\heartbeat.ps1"
$t=Get-ScheduledTask -TaskName $task -ErrorAction SilentlyContinue
if($t){if("$($t.State)" -eq 'Running'){Stop-ScheduledTask -TaskName $task}
Unregister-ScheduledTask -TaskName $task -Confirm:$false}
foreach($i in 1..25){
$own=@(Get-CimInstance Win32_Process|Where-Object{"$($_.CommandLine)".Contains($script)})
if(-not $own.Count){break}
if($i -gt 5){$own|ForEach-Object{Stop-Process -Id $_.ProcessId -Force -ErrorAction SilentlyContinue}}
Start-Sleep -Milliseconds 200}
if(Test-Path $folder){Remove-Item -Path $folder -Recurse -Force}
"""


def install_record(guest: str) -> dict[str, Any]:
    """The intent of an installation, to be journalled before `install_agent` is sent."""
    return undo_record(WINDOWS, guest, folder=FOLDER, task=TASK)


def install_agent(settings: AgentSettings) -> Command[AgentLook]:
    """See to it that the agent runs with these settings, now and after each start of the guest.

    An agent that runs with exactly these settings is left alone.  The key travels in the script's text on the standard
    input of the process, so that no command line shows it.
    """
    agent = agent_text(SCRIPT)
    values = {"folder": FOLDER, "task": TASK, "agent": agent, "settings": settings.document(agent)}
    script = script_json(fill(_INSTALL, **values) + _tell(FOLDER, TASK), depth=3)
    if command_line(script)[1] is None:
        raise HarnessError(
            "the script that installs the agent would stand on a command line, with the key",
            hint="a defect of the harness: such a script must be too long for that",
        )
    return Command("agent-install", script, _parse_installed, within_s=WITHIN_S)


def look_at_agent() -> Command[AgentLook]:
    """What there is of the agent in the guest; changes nothing."""
    return Command("agent-look", script_json(_tell(FOLDER, TASK), depth=3), parse_look, within_s=WITHIN_S)


def remove_agent(folder: str = FOLDER, task: str = TASK) -> Command[AgentLook]:
    """Take task, process, files and folder away; the answer proves it, or names what is left."""
    script = script_json(fill(_REMOVE, folder=folder, task=task) + _tell(folder, task), depth=3)
    return Command("agent-remove", script, _parse_removed, within_s=WITHIN_S)


def undo(record: Mapping[str, Any]) -> Command[AgentLook]:
    """The removal of what `record` announced.  Raises ValueError for a record of something else."""
    if record.get("what") != INSTALL or record.get("system") != WINDOWS:
        raise ValueError(f"no record of an agent in a Windows guest: {record.get('what')}, {record.get('system')}")
    return remove_agent(str(record["folder"]), str(record["task"]))


def _tell(folder: str, task: str) -> str:
    return fill(_TELL, folder=folder, task=task)


def parse_look(document: Json) -> AgentLook:
    """The answer to all three."""
    row = as_record(document)
    host, port = as_text(row.get("host")), as_text(row.get("port"))
    return AgentLook(
        running=as_text(row.get("state")) == "Running",
        starts_by_itself=as_flag(row.get("startup")),
        pids=tuple(sorted(int(as_number(pid) or 0) for pid in as_list(row.get("pids")))),
        target=f"{host}:{port}" if host else "",
        period_ms=int(as_number(row.get("period")) or 0),
        agent=as_text(row.get("agent")),
        signed=as_flag(row.get("signed")),
        leftovers=tuple(as_text(item) for item in as_list(row.get("left"))),
    )


def _parse_installed(document: Json) -> AgentLook:
    """Raises ProductError when the agent does not run."""
    look = parse_look(document)
    if look.running and look.pids:
        return look
    row = as_record(document)
    result = int(as_number(row.get("last")) or 0)
    raise ProductError(
        f"the agent was installed and does not run: its task is '{as_text(row.get('state'))}', "
        f"last result 0x{result & 0xFFFFFFFF:X}, processes {list(look.pids)}",
        hint=f"run {FOLDER}\\{SCRIPT} in the guest by hand; an application control policy may forbid it",
    )


def _parse_removed(document: Json) -> AgentLook:
    """Raises ProductError when something is left."""
    look = parse_look(document)
    if look.absent:
        return look
    raise ProductError(
        f"the agent was removed, and this is left: {', '.join(look.leftovers)}",
        hint="remove it in the guest by hand, or send the removal again",
    )
