"""Background jobs: ``Start-``, ``Get-``, ``Receive-``, ``Wait-``, ``Stop-``, ``Remove-Job``, and jobs of
``Invoke-Command -AsJob`` ([D] PSD 5.1 about_Jobs; texts [GK]).

A job runs to its end when it is started, in a session of its own: its lab time passes then, and it is finished when
the next command asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, cast
from weakref import WeakKeyDictionary

from harness.twin.cmdlets.declaring import Module, classes, selects
from harness.twin.cmdlets.deserialized import received, stamped
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.arguments import Argument
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.dotnet.reflection import create_block
from harness.twin.shell.errors import ErrorRecord, ExitSignal, PSError
from harness.twin.shell.formatting import Column, register_view
from harness.twin.shell.frame import Frame, Streams
from harness.twin.shell.objects import NOTHING, NetList, PSObject
from harness.twin.shell.processors import ScriptProcessor
from harness.twin.shell.regexes import has_wildcard
from harness.twin.shell.rows import Later
from harness.twin.shell.runspace import Runspace
from harness.twin.shell.scriptblock import Evaluate, ScriptBlock
from harness.twin.shell.scriptfiles import load_script, script_path
from harness.twin.shell.session import enter

JOBS: Final = Module("Microsoft.PowerShell.Core", classes("Microsoft.PowerShell.Commands.{}Command"))
JOB: Final = Shape(
    ("System.Management.Automation.PSRemotingJob", "System.Management.Automation.Job", "System.Object"),
    "State HasMoreData StatusMessage Location Command JobStateInfo InstanceId Id Name ChildJobs PSBeginTime PSEndTime "
    "PSJobTypeName",
)
_MISSING: Final = "System.Management.Automation.PSArgumentException"


@dataclass(slots=True)
class Record:
    """What a job wrote: an object of its output, or an error."""

    value: object
    error: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """A job with what it has written and nobody has fetched yet."""

    number: int
    name: str
    command: str
    kind: str
    location: str
    begun: datetime
    ended: datetime | None = None
    failed: bool = False
    stopped: bool = False
    records: list[Record] = field(default_factory=list)
    identity: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def state(self) -> str:
        """``Completed``, ``Failed`` or ``Stopped``."""
        return "Stopped" if self.stopped else "Failed" if self.failed else "Completed"


_TABLES: Final[WeakKeyDictionary[Runspace, list[Job]]] = WeakKeyDictionary()


def jobs_of(rs: Runspace) -> list[Job]:
    """The jobs of a session, oldest first."""
    return _TABLES.setdefault(rs, [])


def new_job(call: Call, command: str, kind: str, location: str, children: int = 1) -> Job:
    """A job of this session: numbers of its parts are taken too, so that the next one gets a higher number."""
    known = jobs_of(call.rs)
    number = 1 + int(call.rs.global_scope.value("__jobs__", 0))  # type: ignore[call-overload]
    call.rs.global_scope.put("__jobs__", number + children)
    job = Job(number, call.text("Name") or call.text("JobName") or f"Job{number}", command, kind, location, _now(call))
    known.append(job)
    return job


def _now(call: Call) -> datetime:
    found: datetime = call.rs.local_now
    return found


def job_object(job: Job) -> PSObject:
    """A job as a script sees it."""
    made = JOB.make(
        Later(lambda: job.state),
        Later(lambda: bool(job.records)),
        "",
        job.location,
        job.command,
        Later(lambda: job.state),
        job.identity,
        job.number,
        job.name,
        NetList([f"Job{job.number + 1}"]),
        job.begun,
        job.ended,
        job.kind,
    )
    made.hidden = job
    return made


def collecting(job: Job) -> Streams:
    """Streams that end in a job."""

    def nobody(_record: object) -> None:
        """Warnings and the like of a job are not kept."""

    return Streams(lambda record: job.records.append(Record(record, True)), *[nobody] * 5)


def _run(call: Call, job: Job, blocks: list[ScriptBlock], given: list[object], piped: list[object]) -> None:
    """Run blocks one after another in a session that ends with the job; the last one gets arguments and input."""
    rs = Runspace(call.host, collecting(job))
    rs.environment = dict(call.rs.environment)
    rs.location = call.rs.location
    scope = call.scope

    def read(inner: Evaluate) -> object:
        return received(inner(Frame(call.rs, scope, lambda _value: None, call.streams)))

    rs.global_scope.put("__using__", read)
    enter(rs)
    rs.frames = [rs.frame()]
    try:
        for at, block in enumerate(blocks):
            last = at == len(blocks) - 1
            arguments = [Argument(None, received(one), None, None) for one in given] if last else []
            processor = ScriptProcessor(rs, block, "", rs.global_scope, rs.streams, arguments)
            processor.out = lambda item: job.records.append(Record(received(item)))
            _drive(processor, piped if last else [])
    except PSError as error:
        job.records.append(Record(error.record, True))
        job.failed = True
    except ExitSignal:
        pass
    finally:
        rs.frames = []
        enter(call.rs)
        job.ended = _now(call)


def _parsed(text: str) -> ScriptBlock:
    """A block made anew from its text: that is all which travels."""
    return cast(ScriptBlock, create_block(text))


def _drive(processor: ScriptProcessor, piped: list[object]) -> None:
    processor.begin(bool(piped))
    try:
        for item in piped or [NOTHING]:
            processor.process(received(item) if item is not NOTHING else NOTHING)
        processor.end()
    finally:
        processor.close()


@JOBS.cmdlet(
    "Start-Job",
    Parameter("ScriptBlock", "scriptblock", position=0, mandatory=True, sets=("ComputerName",), aliases=("Command",)),
    Parameter("FilePath", "string", position=0, mandatory=True, sets=("FilePathComputerName",)),
    Parameter("InitializationScript", "scriptblock", position=1),
    Parameter("Name", "string", pipeline="name"),
    Parameter("ArgumentList", "object[]", aliases=("Args",)),
    Parameter("InputObject", "object", pipeline="value"),
    Parameter("RunAs32", "switch"),
    default_set="ComputerName",
)
def start_job(call: Call) -> Iterator[object]:
    """Runs a block or a script in a session of its own."""
    if call.has("FilePath"):
        path = script_path(call.rs, call.text("FilePath"))
        if not path:
            text = f"The command cannot find the file '{call.text('FilePath')}'."
            raise call.fail(text, "FilePathNotFound", "ObjectNotFound", call.text("FilePath"))
        blocks, command = [load_script(call.rs, path)], call.text("FilePath")
    else:
        command = call.get("ScriptBlock").text
        blocks = [_parsed(command)]
    if call.has("InitializationScript"):
        blocks.insert(0, _parsed(call.get("InitializationScript").text))
    job = new_job(call, command, "BackgroundJob", "localhost")
    piped = [call.current] if call.current is not NOTHING else []
    _run(call, job, blocks, list(call.get("ArgumentList") or []), piped)
    yield job_object(job)


# --- asking for jobs

_CHOICE: Final = (
    Parameter("Id", "int[]", position=0, mandatory=True, pipeline="name", sets=("SessionIdParameterSet",)),
    Parameter("Name", "string[]", position=0, mandatory=True, pipeline="name", sets=("NameParameterSet",)),
    Parameter("InstanceId", "guid[]", mandatory=True, pipeline="name", sets=("InstanceIdParameterSet",)),
    Parameter("State", "string", mandatory=True, pipeline="name", sets=("StateParameterSet",)),
)
_GIVEN: Final = Parameter(
    "Job", "object[]", position=0, mandatory=True, pipeline=("value", "name"), sets=("JobParameterSet",)
)


def _chosen(call: Call) -> list[Job]:
    """The jobs that a call means; one that is not there is reported."""
    known = jobs_of(call.rs)
    if call.has("Job"):
        found = [getattr(item, "hidden", None) for item in call.get("Job") or []]
        return [job for job in found if isinstance(job, Job)]
    if call.has("Id"):
        return list(_by_number(call, known, [int(one) for one in call.get("Id")]))
    if call.has("Name"):
        return list(_by_name(call, known, call.texts("Name")))
    if call.has("InstanceId"):
        return [job for job in known if job.identity in call.get("InstanceId")]
    if call.has("State"):
        return [job for job in known if job.state.lower() == call.text("State").lower()]
    return list(known)


def _by_number(call: Call, known: list[Job], numbers: list[int]) -> Iterator[Job]:
    for number in numbers:
        found = [job for job in known if job.number == number]
        if not found:
            text = (
                f"The command cannot find a job with the job ID {number}. Verify the value of the Id parameter and "
                "then try the command again."
            )
            call.write_error(text, "JobWithSpecifiedSessionNotFound", "ObjectNotFound", number, _MISSING)
        yield from found


def _by_name(call: Call, known: list[Job], names: list[str]) -> Iterator[Job]:
    for name in names:
        found = [job for job in known if selects([name], job.name)]
        if not found and not has_wildcard(name):
            text = (
                f"The command cannot find the job because the job name {name} was not found. Verify the value of the "
                "Name parameter, and then try the command again."
            )
            call.write_error(text, "JobWithSpecifiedNameNotFound", "ObjectNotFound", name, _MISSING)
        yield from found


@JOBS.cmdlet(
    "Get-Job",
    replace(_CHOICE[0], mandatory=False),
    *_CHOICE[1:],
    Parameter("Newest", "int"),
    Parameter("IncludeChildJob", "switch"),
    default_set="SessionIdParameterSet",
)
def get_job(call: Call) -> Iterator[object]:
    """The jobs of this session."""
    found = _chosen(call)
    yield from (job_object(job) for job in (found[-call.number("Newest") :] if call.has("Newest") else found))


@JOBS.cmdlet(
    "Receive-Job",
    _GIVEN,
    *_CHOICE[:3],
    Parameter("Keep", "switch"),
    Parameter("Wait", "switch"),
    Parameter("AutoRemoveJob", "switch"),
    Parameter("WriteEvents", "switch"),
    Parameter("WriteJobInResults", "switch"),
    Parameter("Force", "switch"),
    default_set="JobParameterSet",
)
def receive_job(call: Call) -> Iterator[object]:
    """What jobs wrote: objects, and their errors as errors; fetched once unless ``-Keep``."""
    for job in _chosen(call):
        records = list(job.records)
        if not call.switch("Keep"):
            job.records.clear()
        for one in records:
            if one.error and isinstance(one.value, ErrorRecord):
                call.write_error(one.value)
            elif not one.error:
                yield stamped(one.value, job.location, job.identity, shown=job.kind == "RemoteJob")
        if call.switch("AutoRemoveJob") and call.switch("Wait"):
            jobs_of(call.rs).remove(job)


@JOBS.cmdlet(
    "Wait-Job",
    _GIVEN,
    *_CHOICE,
    Parameter("Any", "switch"),
    Parameter("Timeout", "int", aliases=("TimeoutSec",)),
    Parameter("Force", "switch"),
    default_set="JobParameterSet",
)
def wait_job(call: Call) -> Iterator[object]:
    """All jobs have ended."""
    yield from (job_object(job) for job in _chosen(call))


@JOBS.cmdlet("Stop-Job", _GIVEN, *_CHOICE, Parameter("PassThru", "switch"), default_set="JobParameterSet")
def stop_job(call: Call) -> Iterator[object]:
    """A job that has ended is not stopped."""
    found = _chosen(call)
    if call.switch("PassThru"):
        yield from (job_object(job) for job in found)


@JOBS.cmdlet("Remove-Job", _GIVEN, *_CHOICE, Parameter("Force", "switch"), default_set="JobParameterSet")
def remove_job(call: Call) -> None:
    """Forgets jobs and what they wrote."""
    for job in _chosen(call):
        if job in jobs_of(call.rs):
            jobs_of(call.rs).remove(job)


def register_job_views() -> None:
    """Tell the formatter how jobs look."""
    register_view(
        JOB.type_name,
        table=[
            Column("Id", width=6),
            Column("Name", width=15),
            Column("PSJobTypeName", width=15),
            Column("State", width=13),
            Column("HasMoreData", width=15),
            Column("Location", width=20),
            Column("Command", width=25),
        ],
        auto=False,
    )
