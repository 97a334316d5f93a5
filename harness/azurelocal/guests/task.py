"""Having a guest install one update: by a scheduled task of SYSTEM, since Windows Update refuses a network log-on.

The task has a name that its caller chooses.  Everything here may be sent twice: a task that is there is found, not
registered again, and a result that is there is kept.  The task itself writes how far it is into a file, and its result
at the end; a broken connection stops neither.  [C] the way round by a task; [D] WPD ScheduledTasks, W32 Wua_Sdk.
"""

from __future__ import annotations

import base64
import json
from typing import Final

from harness.azurelocal.command import Command
from harness.transports.powershell import fill, script_json
from harness.transports.replies import Json, as_flag, as_list, as_number, as_record, as_text
from harness.values import InstallResult, TaskLook

SUCCEEDED: Final = 2
"""[D] OperationResultCode."""
NOTHING_DONE: Final = -1
"""Our own code: the task installed nothing."""
NEVER_RAN: Final = 0x41303
RUNNING: Final = 0x41301
TERMINATED: Final = 0x41306
"""SCHED_S_TASK_HAS_NOT_RUN, SCHED_S_TASK_RUNNING, SCHED_S_TASK_TERMINATED ([D] W32 taskschd)."""
READY_STATE: Final = "Ready"

CLIENT: Final = "azurelocal-hil"
"""Stands in Windows Update's history as the client of our installations."""

FOLDER: Final = "C:\\Windows\\Temp"

_WORK: Final = """$place=<<place>>;$kb=<<kb>>;$ErrorActionPreference='Stop'
$r=@{phase='search';kb=$kb;code=<<nothing>>;hresult=0;offered=@();title='';present=$false;behavior=-1
restart=$false;system=$false;error=''}
function Save($phase){$r.phase=$phase;ConvertTo-Json -InputObject $r -Compress -Depth 3|Set-Content $place}
try{Save 'search'
$session=New-Object -ComObject Microsoft.Update.Session
$session.ClientApplicationID=<<client>>
$searcher=$session.CreateUpdateSearcher()
$found=$searcher.Search("IsInstalled=0 and IsHidden=0 and Type='Software'")
$r.offered=@($found.Updates|ForEach-Object{$_.KBArticleIDs|ForEach-Object{"KB$_"}})
$r.present=[bool](@((Get-HotFix).HotFixID) -contains $kb)
$chosen=New-Object -ComObject Microsoft.Update.UpdateColl
foreach($u in $found.Updates){if(@($u.KBArticleIDs|ForEach-Object{"KB$_"}) -contains $kb){
if(-not $u.EulaAccepted){$u.AcceptEula()}
$r.title=$u.Title;$r.behavior=$u.InstallationBehavior.RebootBehavior;$null=$chosen.Add($u)}}
if($chosen.Count){Save 'download'
$loader=$session.CreateUpdateDownloader();$loader.Updates=$chosen
$got=$loader.Download()
if($got.ResultCode -ne 2){$r.code=$got.ResultCode;$r.hresult=$got.HResult;throw 'the download failed'}
Save 'install'
$installer=$session.CreateUpdateInstaller();$installer.Updates=$chosen
$installer.AllowSourcePrompts=$false
$done=$installer.Install()
$r.code=$done.ResultCode;$r.hresult=$done.HResult;$r.restart=$done.RebootRequired}
$r.system=(New-Object -ComObject Microsoft.Update.SystemInfo).RebootRequired
}catch{$e=$_.Exception;while($e.InnerException){$e=$e.InnerException}
$r.error=$e.Message;if(-not $r.hresult){$r.hresult=$e.HResult}}
Save 'done'"""

_TELL: Final = """$place=<<place>>;$name=<<name>>
$t=Get-ScheduledTask -TaskName $name -ErrorAction SilentlyContinue
$text='';if(Test-Path $place){$text="$(Get-Content -Raw $place)"}
$state='';$last=0;if($t){$state="$($t.State)";$last=(Get-ScheduledTaskInfo -TaskName $name).LastTaskResult}
@{exists=[bool]$t;state=$state;last=$last;file=$text}"""

_ENSURE: Final = """$place=<<place>>;$name=<<name>>
if(-not(Test-Path $place)){
$t=Get-ScheduledTask -TaskName $name -ErrorAction SilentlyContinue
if(-not $t){
$a=New-ScheduledTaskAction -Execute 'powershell.exe' -Argument ('-NoProfile -NonInteractive -EncodedCommand '+<<work>>)
$null=Register-ScheduledTask -TaskName $name -User 'NT AUTHORITY\\SYSTEM' -RunLevel Highest -Action $a}
if((Get-ScheduledTaskInfo -TaskName $name).LastTaskResult -eq <<never>>){Start-ScheduledTask -TaskName $name}}
"""

_REMOVE: Final = """$place=<<place>>;$name=<<name>>
$t=Get-ScheduledTask -TaskName $name -ErrorAction SilentlyContinue
if($t){Unregister-ScheduledTask -TaskName $name -Confirm:$false}
if(Test-Path $place){Remove-Item $place}
[bool](Get-ScheduledTask -TaskName $name -ErrorAction SilentlyContinue)"""


def place_of(task: str) -> str:
    """The file in which a task tells how far it is."""
    return f"{FOLDER}\\{task}.json"


def work_script(task: str, kb: str) -> str:
    """What the task does: search, download and install the update `kb`, and nothing else that is offered.

    A KB cannot be searched for ([D] search criteria), so it is picked from what is found.
    """
    return fill(_WORK, place=place_of(task), kb=kb, client=CLIENT, nothing=NOTHING_DONE)


def install_by_task(task: str, kb: str) -> Command[TaskLook]:
    """See to it that `task` installs `kb`: register and start it unless it is there, or has left its result."""
    encoded = base64.b64encode(work_script(task, kb).encode("utf-16-le")).decode()
    ensure = fill(_ENSURE, place=place_of(task), name=task, work=encoded, never=NEVER_RAN)
    return Command("guest-install", script_json(ensure + _tell(task), depth=3), parse_look)


def look_at_task(task: str) -> Command[TaskLook]:
    """How far `task` is."""
    return Command("guest-task", script_json(_tell(task), depth=3), parse_look)


def remove_task(task: str) -> Command[bool]:
    """Remove registration and file of `task`; one that runs goes on to its end.  The answer: is it still registered?"""
    body = fill(_REMOVE, place=place_of(task), name=task)
    return Command("guest-task-remove", script_json(body, depth=1), as_flag)


def _tell(task: str) -> str:
    return fill(_TELL, place=place_of(task), name=task)


def parse_look(document: Json) -> TaskLook:
    """The answer to a look.  A file that is just being written says nothing yet."""
    row = as_record(document)
    said = _read_file(as_text(row.get("file")))
    phase = as_text(said.get("phase"))
    return TaskLook(
        exists=as_flag(row.get("exists")),
        state=as_text(row.get("state")),
        last_result=int(as_number(row.get("last")) or 0),
        phase=phase,
        result=_read_result(said) if phase == "done" else None,
    )


def _read_file(text: str) -> dict[str, Json]:
    try:
        return dict(as_record(json.loads(text.lstrip("\ufeff"))))
    except ValueError:
        return {}


def _read_result(said: dict[str, Json]) -> InstallResult:
    def number(key: str, unset: int) -> int:
        value = as_number(said.get(key))
        return unset if value is None else int(value)

    return InstallResult(
        kb=as_text(said.get("kb")),
        code=number("code", NOTHING_DONE),
        hresult=number("hresult", 0),
        offered=tuple(as_text(kb) for kb in as_list(said.get("offered"))),
        title=as_text(said.get("title")),
        present=as_flag(said.get("present")),
        restart_behavior=number("behavior", -1),
        restart_required=as_flag(said.get("restart")),
        system_restart_required=as_flag(said.get("system")),
        error=as_text(said.get("error")),
    )
