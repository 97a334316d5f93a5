"""``Invoke-Command`` on other nodes and ``New-``, ``Get-``, ``Remove-PSSession`` ([D] PSD 5.1).

The double hop: a log-on over the network with NTLM or Kerberos leaves nothing on the node with which it could log on
elsewhere, one by CredSSP does ([D] PSD making-the-second-hop; winrm-wire 8).  Where the program came from is
``ShellHost.delegated``.  Ids and texts of refused connections [GK], that of denied access [T] (CAU uses the same).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.declaring import Module, classes, property_of, selects
from harness.twin.cmdlets.deserialized import plain_text, received, stamped
from harness.twin.cmdlets.jobs import Record, collecting, job_object, new_job
from harness.twin.cmdlets.kinds import RUNSPACE_AVAILABILITY, RUNSPACE_STATE, labelled
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import GroupType, Node
from harness.twin.model.states import WinRmState
from harness.twin.shell.arguments import Argument
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.commands.providers import full_path
from harness.twin.shell.commands.running import InvokeCommand
from harness.twin.shell.dotnet.reflection import create_block
from harness.twin.shell.errors import (
    ErrorRecord,
    ExitSignal,
    NetException,
    PipelineStopped,
    PSError,
    limitation,
)
from harness.twin.shell.frame import Frame, Streams
from harness.twin.shell.objects import NOTHING, NoteProperty, PSObject
from harness.twin.shell.processors import ScriptProcessor
from harness.twin.shell.runspace import Runspace
from harness.twin.shell.scriptblock import Evaluate, ScriptBlock
from harness.twin.shell.scriptfiles import load_script, script_path
from harness.twin.shell.session import enter

REMOTING: Final = Module("Microsoft.PowerShell.Core", classes("Microsoft.PowerShell.Commands.{}Command"))
SESSION: Final = Shape(
    "System.Management.Automation.Runspaces.PSSession",
    "Id Name ComputerName ComputerType State ConfigurationName Availability InstanceId",
)
_TRANSPORT: Final = "System.Management.Automation.Remoting.PSRemotingTransportException"
_REMOTE: Final = "System.Management.Automation.RemoteException"
_BROKEN: Final = "PSSessionStateBroken"
_HELP: Final = "For more information, see the about_Remote_Troubleshooting Help topic."
_REFUSED: Final = (
    "The client cannot connect to the destination specified in the request. Verify that the service on the destination "
    "is running and is accepting requests. Consult the logs and documentation for the WS-Management service running on "
    "the destination, most commonly IIS or WinRM. If the destination is the WinRM service, run the following command "
    'on the destination to analyze and configure the WinRM service: "winrm quickconfig". ' + _HELP
)
_SILENT: Final = (
    "WinRM cannot complete the operation. Verify that the specified computer name is valid, that the computer is "
    "accessible over the network, and that a firewall exception for the WinRM service is enabled and allows access "
    "from this computer. By default, the WinRM firewall exception for public profiles limits access to remote "
    "computers within the same local subnet. " + _HELP
)
_UNKNOWN: Final = (
    "WinRM cannot process the request. The following error occurred while using Kerberos authentication: Cannot find "
    "the computer {}. Verify that the computer exists on the network and that the name provided is spelled correctly. "
    + _HELP
)
_LOCAL: Final = ("localhost", ".", "127.0.0.1")
_USING: Final = re.compile(r"\$using:(\w+)", re.IGNORECASE)


@dataclass(slots=True)
class Link:
    """An open session on another node: its process, and the boot in which that lives."""

    name: str
    computer: str
    runspace: Runspace
    node: Node
    boot_id: int
    number: int = 0
    identity: uuid.UUID = field(default_factory=uuid.uuid4)
    closed: bool = False

    @property
    def alive(self) -> bool:
        """The process is still there."""
        return not self.closed and self.node.boot_id == self.boot_id and self.node.os_running


# --- reaching another machine


def find_node(call: Call, name: str) -> Node | None:
    """The node that a computer name stands for: its name, also with the domain, this one, or the cluster's."""
    model: ClusterModel = call.host.model
    short = name.lower().removesuffix(f".{model.spec.domain.lower()}")
    if short in _LOCAL:
        short = str(call.host.computer_name).lower()
    if short == model.spec.cluster_name.lower():
        owner = next((group.owner for group in model.roles() if group.group_type is GroupType.Cluster), None)
        short = (owner or str(call.host.computer_name)).lower()
    return next((node for node in model.nodes.values() if node.name.lower() == short), None)


def connect(call: Call, name: str, number: int = 0) -> Link:
    """A session on the node *name*.  Raises PSError with the documented id where none comes about."""
    if call.has("Credential") or call.text("Authentication").lower() == "credssp":
        raise limitation(
            "a log-on with a credential of a script's own is not simulated; log on to this node by CredSSP"
        )
    model: ClusterModel = call.host.model
    node = find_node(call, name)
    if node is None:
        if any(guest.lower() == name.lower() for guest in model.guests):
            raise limitation(f"a session from a node on the guest '{name}' is not simulated")
        raise _refusal(call, name, "NetworkPathNotFound", _UNKNOWN.format(name))
    here = node is call.host.node
    if not here and not (on_network(node) and on_network(call.host.node) and listens(node)):
        if node.winrm is WinRmState.Refusing and on_network(node) and node.os_running:
            raise _refusal(call, name, "CannotConnect", _REFUSED)
        call.wait(load_costs().wait_s("connect_timeout"))
        raise _refusal(call, name, "WinRMOperationTimeout", _SILENT)
    if node.winrm is not WinRmState.Answering:
        raise _refusal(call, name, "CannotConnect", _REFUSED)
    if not call.host.delegated:
        raise _refusal(call, name, "AccessDenied", f"Access is denied. {_HELP}")
    return Link(f"Session{number}", name, Runspace(call.host.hop(node.name)), node, node.boot_id, number)


def on_network(node: Node) -> bool:
    """Its networks and its management address are up."""
    return node.network_up and node.management_up


def listens(node: Node) -> bool:
    """Something answers there: a machine that is off, or starts, is silent."""
    return node.os_running or node.winrm is not WinRmState.Refusing


def _refusal(call: Call, name: str, error_id: str, text: str) -> PSError:
    whole = f"[{name}] Connecting to remote server {name} failed with the following error message : {text}"
    return call.fail(call.record(whole, error_id, "OpenError", name, _TRANSPORT, command_class=_BROKEN))


# --- running a block there


def run_there(call: Call, link: Link, block: ScriptBlock, given: list[object], piped: list[object] | None) -> None:
    """Run a block in a session to its end: results and errors come back as those of another machine."""
    rs = link.runspace
    shown = not call.switch("HideComputerName")
    rs.streams = Streams(
        lambda record: call.write_error(_remote_record(record, link)),
        lambda record: call.streams.warning(record),
        lambda record: call.streams.verbose(record),
        lambda record: call.streams.debug(record),
        lambda record: call.streams.information(record),
        lambda record: call.streams.progress(record),
    )
    rs.global_scope.put("__using__", _values_of(call))
    arguments = [Argument(None, received(one), None, None) for one in given]
    enter(rs)
    rs.frames = [rs.frame()]
    try:
        processor = ScriptProcessor(rs, _parsed(block), "", rs.global_scope, rs.streams, arguments)
        processor.new_scope = False
        processor.out = lambda item: call.emit(stamped(received(item), link.computer, link.identity, shown=shown))
        _drive(processor, piped)
    except PSError as error:
        call.write_error(_remote_record(error.record, link))
    except ExitSignal:
        link.closed = True
    except PipelineStopped:
        if link.alive:
            raise
        call.write_error(_lost(call, link))
    finally:
        rs.frames = []
        enter(call.rs)


def _lost(call: Call, link: Link) -> ErrorRecord:
    """The node went away while the command ran; id and text [GK]."""
    where = f"[{link.computer}] Processing data from remote server {link.computer}"
    text = (
        f"{where} failed with the following error message: The I/O operation has been aborted because of either a "
        f"thread exit or an application request. {_HELP}"
    )
    return call.record(text, "JobFailure", "OpenError", link.computer, _TRANSPORT, command_class="")


def _parsed(block: ScriptBlock) -> ScriptBlock:
    """The block, made anew from its text: that is all which travels."""
    return cast(ScriptBlock, create_block(block.text))


def _drive(processor: ScriptProcessor, piped: list[object] | None) -> None:
    processor.begin(piped is not None)
    try:
        if piped is None:
            processor.process(NOTHING)
        for item in piped or ():
            processor.process(received(item))
        processor.end()
    finally:
        processor.close()


def _values_of(call: Call) -> Callable[[Evaluate], object]:
    """What ``$using:`` finds: values of the caller, taken over the wire."""
    scope = call.scope

    def read(inner: Evaluate) -> object:
        return received(inner(Frame(call.rs, scope, lambda _value: None, call.streams)))

    return read


def require_used(call: Call, block: ScriptBlock) -> None:
    """Raises PSError for a ``$using:`` of a variable that the caller does not have [GK]."""
    for name in _USING.findall(block.text):
        if call.scope.find(name.lower()) is None:
            text = (
                f"The value of the using variable '$using:{name}' cannot be retrieved because it has not been set in "
                "the local session."
            )
            kind = "System.Management.Automation.RuntimeException"
            raise call.fail(text, "UsingVariableIsUndefined", "InvalidOperation", None, kind)


def _remote_record(record: Any, link: Link) -> ErrorRecord:
    """An error as it arrives: ids and texts stay, the exception is a ``RemoteException`` ([D])."""
    found: ErrorRecord = record
    made = ErrorRecord(
        NetException(_REMOTE, found.message),
        found.error_id,
        found.category,
        plain_text(found.target) if found.target is not None else None,
        activity=found.activity,
        reason=found.reason or found.exception.type_name.rpartition(".")[2],
        target_name=found.target_name,
        target_type=found.target_type,
        command_class=found.command_class,
    )
    origin = PSObject.of_type(
        "System.Management.Automation.Remoting.OriginInfo",
        {"PSComputerName": link.computer, "RunspaceID": link.identity, "InstanceID": link.identity},
        text=link.computer,
    )
    made.extra = {
        "pscomputername": NoteProperty("PSComputerName", link.computer),
        "origininfo": NoteProperty("OriginInfo", origin),
    }
    return made


# --- sessions of a program


def links_of(rs: Runspace) -> list[Link]:
    """The sessions that a program has opened."""
    found: list[Link] = rs.links
    return found


def open_link(call: Call, name: str) -> Link:
    """A session that stays until it is removed."""
    numbers = [link.number for link in links_of(call.rs)]
    link = connect(call, name, max(numbers, default=0) + 1)
    if call.texts("Name"):
        link.name = call.texts("Name")[0]
    links_of(call.rs).append(link)
    return link


def session_object(link: Link) -> PSObject:
    """A ``PSSession``."""
    state, free = ("Opened", "Available") if link.alive else ("Closed" if link.closed else "Broken", "None")
    made = SESSION.make(
        link.number,
        link.name,
        link.computer,
        "RemoteMachine",
        labelled(RUNSPACE_STATE, state),
        "Microsoft.PowerShell",
        labelled(RUNSPACE_AVAILABILITY, free),
        link.identity,
        text=f"[PSSession]{link.name}",
    )
    made.hidden = link
    return made


_CONNECTION: Final = (
    Parameter("Credential", "object"),
    Parameter("Authentication", "string"),
    Parameter("ThrottleLimit", "int"),
    Parameter("SessionOption", "object"),
    Parameter("ConfigurationName", "string"),
    Parameter("UseSSL", "switch"),
    Parameter("Port", "int", minimum=1, maximum=65535),
    Parameter("EnableNetworkAccess", "switch"),
)
_CONFIGURATION: Final = "microsoft.powershell"


def _require_usual(call: Call) -> None:
    """Raises PSError for session configurations that nobody registered, and for guests and addresses of services."""
    wanted = call.text("ConfigurationName")
    if wanted and wanted.lower() != _CONFIGURATION:
        raise limitation(f"the session configuration '{wanted}' is not simulated")
    for name in ("VMName", "VMId", "ConnectionUri", "HostName", "ContainerId"):
        if call.has(name):
            raise limitation(f"{call.declaration.name} -{name} is not simulated; sessions lead from node to node")


_ELSEWHERE: Final = (
    Parameter("VMName", "string[]", mandatory=True, sets=("VMName",)),
    Parameter("VMId", "guid[]", mandatory=True, sets=("VMId",), aliases=("VMGuid",)),
    Parameter("ConnectionUri", "string[]", mandatory=True, sets=("Uri",), aliases=("URI", "CU")),
)


@REMOTING.cmdlet(
    "New-PSSession",
    Parameter(
        "ComputerName", "string[]", position=0, pipeline=("value", "name"), aliases=("Cn",), sets=("ComputerName",)
    ),
    Parameter("Name", "string[]"),
    *_CONNECTION,
    *_ELSEWHERE,
    default_set="ComputerName",
)
def new_session(call: Call) -> Iterator[object]:
    """Sessions on other nodes, which keep their variables until they are removed."""
    _require_usual(call)
    for name in call.texts("ComputerName") or ["localhost"]:
        try:
            link = open_link(call, name)
        except PSError as error:
            if error.record.error_id == "TwinLimitation":
                raise
            call.write_error(error.record)
            continue
        yield session_object(link)


@REMOTING.cmdlet("Get-PSSession", Parameter("Name", "string[]"), Parameter("Id", "int[]", position=0))
def get_session(call: Call) -> Iterator[object]:
    """The sessions of this program."""
    ids = [int(number) for number in call.get("Id") or []]
    for link in links_of(call.rs):
        if selects(call.texts("Name"), link.name) and (not ids or link.number in ids):
            yield session_object(link)


@REMOTING.cmdlet(
    "Remove-PSSession",
    Parameter("Session", "object[]", position=0, pipeline=("value", "name"), sets=("Session",), mandatory=True),
    Parameter("Id", "int[]", position=0, sets=("Id",), mandatory=True),
    Parameter("Name", "string[]", sets=("Name",), mandatory=True),
    Parameter("ComputerName", "string[]", sets=("ComputerName",), mandatory=True, aliases=("Cn",)),
    default_set="Session",
)
def remove_session(call: Call) -> None:
    """Ends sessions."""
    given = [item.hidden for item in call.get("Session") or [] if isinstance(item, PSObject)]
    ids = [int(number) for number in call.get("Id") or []]
    for link in list(links_of(call.rs)):
        named = call.has("Name") and selects(call.texts("Name"), link.name)
        there = call.has("ComputerName") and selects(call.texts("ComputerName"), link.computer)
        if link in given or link.number in ids or named or there:
            link.closed = True
            links_of(call.rs).remove(link)


_FILE_SETS: Final = ("FilePathComputerName", "FilePathRunspace")
_THERE: Final = ("ComputerName", "FilePathComputerName")
_OPEN: Final = ("Session", "FilePathRunspace")
_SESSION_SETS: Final = (*_THERE, *_OPEN)
_BLOCK_SETS: Final = ("InProcess", "ComputerName", "Session", "VMName", "VMId", "Uri")


@REMOTING.table.cmdlet(
    "Invoke-Command",
    module=REMOTING.name,
    parameters=[
        Parameter("ComputerName", "string[]", position=0, sets=_THERE, mandatory=True, aliases=("Cn",)),
        Parameter("Session", f"{SESSION.type_name}[]", position=0, sets=_OPEN, mandatory=True),
        Parameter("ScriptBlock", "scriptblock", position=0, mandatory=True, aliases=("Command",), sets=_BLOCK_SETS),
        # After the machines, where those come first.
        Parameter("ScriptBlock", "scriptblock", position=1, sets=_BLOCK_SETS),
        Parameter("ArgumentList", "object[]", aliases=("Args",)),
        Parameter("InputObject", "object", pipeline="value"),
        Parameter("NoNewScope", "switch", sets=("InProcess",)),
        Parameter("HideComputerName", "switch", sets=_SESSION_SETS, aliases=("HCN",)),
        Parameter("AsJob", "switch", sets=_SESSION_SETS),
        Parameter("JobName", "string", sets=_SESSION_SETS),
        Parameter("FilePath", "string", position=1, mandatory=True, sets=_FILE_SETS, aliases=("PSPath",)),
        *_CONNECTION,
        *_ELSEWHERE,
    ],
    default_set="InProcess",
)
class InvokeRemoteCommand(InvokeCommand):
    """Runs a block here, on other nodes, or in sessions that are open; one machine after another."""

    def begin(self) -> None:
        call = self.call
        _require_usual(call)
        self.remote = call.has("ComputerName") or call.has("Session")
        self.piped: list[object] | None = None
        if not self.remote:
            super().begin()
            return
        call.host.charge("Invoke-Command")
        self.block = self._block()
        require_used(call, self.block)
        if call.expecting_input:
            self.piped = []

    def process(self, item: object) -> None:
        if not self.remote:
            super().process(item)
        elif item is not NOTHING and self.piped is not None:
            self.piped.append(item)

    def end(self) -> None:
        call = self.call
        if not self.remote:
            super().end()
            return
        given = list(call.get("ArgumentList") or [])
        if call.switch("AsJob") or call.has("JobName"):
            self._as_job(given)
            return
        for link in self._links():
            run_there(call, link, self.block, given, self.piped)

    def _block(self) -> ScriptBlock:
        """What is to run: a block, or the script in a file of this node."""
        call = self.call
        if not call.has("FilePath"):
            found: ScriptBlock = call.get("ScriptBlock")
            return found
        path = script_path(call.rs, call.text("FilePath")) or script_path(call.rs, f".\\{call.text('FilePath')}")
        if not path:
            missing = full_path(call, call.text("FilePath"))
            text = f"Cannot find path '{missing}' because it does not exist."
            kind = "System.Management.Automation.ItemNotFoundException"
            raise call.fail(text, "PathNotFound", "ObjectNotFound", missing, kind)
        return load_script(call.rs, path)

    def _as_job(self, given: list[object]) -> None:
        """Run there now, and keep what comes in a job."""
        call = self.call
        names = call.texts("ComputerName") or [str(property_of(one, "ComputerName")) for one in call.get("Session")]
        job = new_job(call, self.block.text, "RemoteJob", ",".join(names), len(names))
        out, streams, actions = call.out, call.streams, call.actions
        call.out = lambda item: job.records.append(Record(item))
        call.streams = collecting(job)
        call.actions = {}
        try:
            for link in self._links():
                run_there(call, link, self.block, given, self.piped)
        finally:
            call.out, call.streams, call.actions = out, streams, actions
        job.ended = call.rs.local_now
        job.failed = bool(job.records) and all(one.error for one in job.records)
        call.emit(job_object(job))

    def _links(self) -> Iterator[Link]:
        call = self.call
        for item in call.get("Session") or []:
            link = item.hidden if isinstance(item, PSObject) else None
            if not isinstance(link, Link):
                raise limitation(f"'{property_of(item, 'Name') or item}' is no session of this program")
            if link.alive:
                yield link
            else:
                self._report_broken(link)
        for name in call.texts("ComputerName"):
            try:
                link = connect(call, name)
            except PSError as error:
                if error.record.error_id == "TwinLimitation":
                    raise
                call.write_error(error.record)
                continue
            yield link

    def _report_broken(self, link: Link) -> None:
        state = "Closed" if link.closed else "Broken"
        text = (
            f"Because the session state for session {link.name}, {link.identity}, {link.computer} is not equal to "
            f"Open, you "
            f"cannot run a command in the session.  The session state is {state}."
        )
        kind = "System.Management.Automation.Runspaces.InvalidRunspaceStateException"
        self.call.write_error(text, "InvokeCommandInvalidSessionState", "InvalidOperation", link.computer, kind)
