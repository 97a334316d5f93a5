"""``Start-VM``, ``Stop-VM`` and the other commands that change a guest's state ([D] WPD Hyper-V; texts [GK]).

``-Force`` and the questions for confirmation make no difference here: an orderly shutdown always ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from harness.twin.cmdlets.clusteractions import until
from harness.twin.cmdlets.declaring import given_input, property_of
from harness.twin.cmdlets.hyperv import HYPERV, make_vm
from harness.twin.model.cluster import ClusterModel
from harness.twin.model.entities import Guest
from harness.twin.model.errors import ModelError
from harness.twin.model.states import VmState
from harness.twin.model.world import Process
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.regexes import has_wildcard, matches_wildcard

_EXCEPTION: Final = "Microsoft.HyperV.PowerShell.VirtualizationException"
WHICH: Final = (
    Parameter("Name", "string[]", position=0, aliases=("VMName",)),
    Parameter("VM", "object[]", pipeline="value"),
    Parameter("Passthru", "switch"),
    Parameter("AsJob", "switch"),
)
_FORCE: Final = Parameter("Force", "switch")
Act = Callable[[ClusterModel, Guest], Process | None]


def guests_given(call: Call, parameter: str = "Name") -> Iterator[Guest]:
    """The guests of this node that *parameter* names or that came in; one that is not here is an error."""
    model: ClusterModel = call.host.model
    if call.switch("AsJob"):
        raise limitation(f"{call.declaration.name} -AsJob is not simulated")
    came = call.get("VM") or ([given_input(call)] if given_input(call) is not None else [])
    names = call.texts(parameter) or [str(property_of(item, "Name") or item) for item in came]
    here = [guest for guest in model.guests.values() if guest.owner == call.host.computer_name]
    for name in names:
        found = [guest for guest in here if matches_wildcard(name, guest.name)]
        if not found and not has_wildcard(name):
            text = f'Hyper-V was unable to find a virtual machine with name "{name}".'
            call.write_error(text, "InvalidParameter", "InvalidArgument", name, _EXCEPTION)
        yield from found


def _each(call: Call, states: tuple[VmState, ...], act: Act, already: VmState | None = None) -> Iterator[object]:
    """Act on each guest; one that is in the state *already* is left alone, with a warning."""
    model: ClusterModel = call.host.model
    for guest in guests_given(call):
        if guest.state is already:
            call.write_warning("The virtual machine is already in the specified state.")
            continue
        if not call.should_process(guest.name):
            continue
        try:
            model.control.check(guest, *states)
            work = act(model, guest)
        except ModelError as error:
            _refused(call, guest, error)
            continue
        if work is not None:
            operation = model.begin_control(call.declaration.name, work)
            until(call, lambda done=operation: done.done)  # type: ignore[misc]
            if operation.error is not None:
                _refused(call, guest, operation.error)
        if call.switch("Passthru"):
            yield make_vm(model, guest)


def _refused(call: Call, guest: Guest, error: ModelError) -> None:
    text = f"'{guest.name}' failed to change state. {error.message}"
    call.write_error(text, error.id, "InvalidOperation", guest.name, _EXCEPTION)


@HYPERV.cmdlet("Start-VM", *WHICH, should_process=True)
def start_vm(call: Call) -> Iterator[object]:
    """Powers guests on; one that runs is left alone, with a warning."""
    yield from _each(call, (VmState.Off, VmState.Saved, VmState.Paused), _start, VmState.Running)


def _start(model: ClusterModel, guest: Guest) -> Process | None:
    if guest.state is VmState.Paused:
        model.control.resume(guest)
        return None
    return model.control.start(guest)


@HYPERV.cmdlet(
    "Stop-VM", *WHICH, _FORCE, Parameter("TurnOff", "switch"), Parameter("Save", "switch"), should_process=True
)
def stop_vm(call: Call) -> Iterator[object]:
    """Shuts guests down in order; with ``-TurnOff`` at once, with ``-Save`` their memory is kept."""
    if call.switch("TurnOff"):
        any_state = (VmState.Running, VmState.Paused, VmState.Saved, VmState.Stopping, VmState.PausedCritical)
        yield from _each(call, any_state, lambda model, guest: model.control.turn_off(guest), VmState.Off)
    elif call.switch("Save"):
        yield from _each(call, (VmState.Running,), lambda model, guest: model.control.save(guest), VmState.Saved)
    else:
        yield from _each(call, (VmState.Running,), lambda model, guest: model.control.shut_down(guest), VmState.Off)


@HYPERV.cmdlet("Save-VM", *WHICH, should_process=True)
def save_vm(call: Call) -> Iterator[object]:
    """Saves the memory of guests and stops them."""
    yield from _each(call, (VmState.Running,), lambda model, guest: model.control.save(guest))


@HYPERV.cmdlet("Suspend-VM", *WHICH, should_process=True)
def suspend_vm(call: Call) -> Iterator[object]:
    """Pauses guests."""
    yield from _each(call, (VmState.Running,), lambda model, guest: model.control.pause(guest))


@HYPERV.cmdlet("Resume-VM", *WHICH, should_process=True)
def resume_vm(call: Call) -> Iterator[object]:
    """Lets paused guests go on."""
    yield from _each(call, (VmState.Paused,), lambda model, guest: model.control.resume(guest))


@HYPERV.cmdlet(
    "Restart-VM",
    *WHICH,
    _FORCE,
    Parameter("Wait", "switch"),
    Parameter("For", "string", values=("Heartbeat", "IPAddress")),
    Parameter("Delay", "int"),
    Parameter("Timeout", "int", aliases=("TimeoutSec",)),
    Parameter("Type", "string", values=("Reset", "Reboot")),
    should_process=True,
)
def restart_vm(call: Call) -> Iterator[object]:
    """Turns guests off and on; with ``-Wait`` until they answer, at most ``-Timeout`` seconds."""
    if call.text("Type").lower() == "reboot":
        raise limitation("Restart-VM -Type Reboot is not simulated")
    guests: list[Guest] = []

    def reset(model: ClusterModel, guest: Guest) -> Process:
        guests.append(guest)
        return model.control.reset(guest)

    yield from _each(call, (VmState.Running, VmState.Paused), reset)
    if call.switch("Wait"):
        limit = call.number("Timeout") if call.has("Timeout") else None
        until(call, lambda: all(guest.reachability.signal.value == "answering" for guest in guests), limit)


@HYPERV.cmdlet(
    "Move-VM",
    Parameter("Name", "string", position=0, aliases=("VMName",)),
    Parameter("DestinationHost", "string", position=1),
    Parameter("VM", "object[]", pipeline="value"),
    Parameter("IncludeStorage", "switch"),
    Parameter("DestinationStoragePath", "string"),
    Parameter("Passthru", "switch"),
    Parameter("AsJob", "switch"),
    should_process=True,
)
def move_vm(call: Call) -> None:
    """Guests here are roles of the cluster, which alone moves them ([D] Move-VM is for guests outside of it).

    The words of the refusal are [INF].
    """
    call.bound["Name"] = [call.text("Name")] if call.has("Name") else None
    for guest in guests_given(call):
        text = (
            f"Virtual machine migration operation failed at migration source.\n'{guest.name}' is clustered. Use "
            "Failover Clustering to move it."
        )
        call.write_error(text, "OperationFailed", "NotSpecified", guest.name, _EXCEPTION)
