"""``Restart-Computer`` and ``Stop-Computer`` of nodes ([D] PSD 5.1; texts [GK])."""

from __future__ import annotations

from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.declaring import given_input, property_of
from harness.twin.cmdlets.remoting import find_node
from harness.twin.model.entities import Node
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

_WHERE: Final = Parameter(
    "ComputerName", "string[]", position=0, pipeline=("value", "name"), aliases=("CN", "Server", "IPAddress")
)
_INVALID: Final = "System.InvalidOperationException"


@MANAGEMENT.cmdlet(
    "Restart-Computer",
    _WHERE,
    Parameter("Force", "switch"),
    Parameter("Wait", "switch"),
    Parameter("Timeout", "int", minimum=-1, aliases=("TimeoutSec",)),
    Parameter("For", "string", values=("Default", "PowerShell", "WMI", "WinRM")),
    Parameter("Delay", "int", minimum=1),
    Parameter("Protocol", "string", values=("DCOM", "WSMan")),
    Parameter("WsmanAuthentication", "string"),
    Parameter("DcomAuthentication", "string", aliases=("Authentication",)),
    Parameter("Impersonation", "string"),
    Parameter("ThrottleLimit", "int"),
    Parameter("Credential", "object"),
    should_process=True,
)
def restart_computer(call: Call) -> None:
    """Restarts nodes; another one than this needs a second hop, which a plain session does not have [GK].

    The protocol makes no difference here.  Raises PSError for a credential of the script's own.
    """
    if call.get("Credential") is not None:
        raise limitation(
            "a log-on with a credential of a script's own is not simulated; log on to this node by CredSSP"
        )
    for name, node in _nodes(call):
        if call.should_process(node.name, "Restart-Computer"):
            if call.switch("Wait") and node is call.host.node:
                text = (
                    "Cannot wait for the local computer to restart. The local computer is ignored when the Wait "
                    "parameter is specified."
                )
                call.write_error(text, "CannotWaitLocalComputer", "InvalidOperation", name, _INVALID)
                continue
            _restart(call, node, name)


def _restart(call: Call, node: Node, name: str) -> None:
    before = node.boot_id
    call.host.model.restart_node(node.name)
    if not call.switch("Wait"):
        return
    given = call.number("Timeout", -1)
    limit_s = load_costs().wait_s("operation_at_most") if given < 0 else float(given)
    if not call.wait(limit_s, lambda: node.boot_id != before and node.os_running):
        text = f"Failed to restart the computer {name} within the specified time-out period."
        call.write_error(text, "RestartComputerTimeout", "OperationTimeout", name, _INVALID)


@MANAGEMENT.cmdlet("Stop-Computer", _WHERE, Parameter("Force", "switch"), should_process=True)
def stop_computer(call: Call) -> None:
    """Shuts nodes down: the model only restarts them, or cuts their power."""
    for _, node in _nodes(call):
        if call.should_process(node.name, "Stop-Computer"):
            raise limitation(f"shutting the node '{node.name}' down without a restart is not simulated")


def _nodes(call: Call) -> list[tuple[str, Node]]:
    came = given_input(call)
    names = call.texts("ComputerName") or ([str(property_of(came, "Name") or came)] if came is not None else [""])
    found: list[tuple[str, Node]] = []
    for name in names:
        node = call.host.node if not name else find_node(call, name)
        if node is None or (node is not call.host.node and not call.host.delegated):
            verb = "restart" if call.declaration.name == "Restart-Computer" else "stop"
            reason = "Access is denied." if node is not None else "The RPC server is unavailable."
            text = f"Failed to {verb} the computer {name} with the following error message: {reason}"
            call.write_error(text, f"{verb.capitalize()}computerFailed", "OperationStopped", name, _INVALID)
        else:
            found.append((name, node))
    return found
