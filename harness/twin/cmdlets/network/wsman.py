"""``Test-WSMan``: whether a machine's WinRM answers ([D] Microsoft.WSMan.Management; codes and texts [GK])."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.network.cim import networks
from harness.twin.cmdlets.network.probing import Target, UnknownHostError, find_target, ping
from harness.twin.cmdlets.shapes import Shape
from harness.twin.model.entities import Node
from harness.twin.model.network import Answer, NotModelledError
from harness.twin.model.states import WinRmState
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import PSError, limitation
from harness.twin.shell.formatting import register_view

WSMAN: Final = Module("Microsoft.WSMan.Management", classes("Microsoft.WSMan.Management.{}Command"))
IDENTITY: Final = Shape(
    (
        "System.Xml.XmlElement#http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd#IdentifyResponse",
        "System.Xml.XmlElement",
        "System.Object",
    ),
    "wsmid ProtocolVersion ProductVendor ProductVersion",
)
_SCHEMA: Final = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
_PROTOCOL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
_SILENT: Final = (
    "2150859046",
    "WinRM cannot complete the operation. Verify that the specified computer name is valid, that the computer is "
    "accessible over the network, and that a firewall exception for the WinRM service is enabled and allows access "
    "from this computer. By default, the WinRM firewall exception for public profiles limits access to remote "
    "computers within the same local subnet. ",
)
_REFUSED: Final = (
    "2150858770",
    "The client cannot connect to the destination specified in the request. Verify that the service on the destination "
    "is running and is accepting requests. Consult the logs and documentation for the WS-Management service running on "
    "the destination, most commonly IIS or WinRM. If the destination is the WinRM service, run the following command "
    'on the destination to analyze and configure the WinRM service: "winrm quickconfig". ',
)
_UNRESOLVED: Final = (
    "2150859193",
    "The WinRM client cannot process the request because the server name cannot be resolved. ",
)
_DENIED: Final = ("5", "Access is denied. ")


def register_wsman_views() -> None:
    """Tell the formatter how an identity looks."""
    register_view(IDENTITY.type_name, list=["wsmid", "ProtocolVersion", "ProductVendor", "ProductVersion"])


@WSMAN.cmdlet(
    "Test-WSMan",
    Parameter("ComputerName", "string", position=0, pipeline="value", aliases=("cn",)),
    Parameter("Authentication", "string", aliases=("auth", "am")),
    Parameter("Port", "int", minimum=1, maximum=65535),
    Parameter("UseSSL", "switch"),
)
def test_wsman(call: Call) -> Iterator[object]:
    """Asks a machine's WinRM who it is: without a log-on it does not tell its version [D]."""
    name = call.text("ComputerName", "localhost")
    try:
        target = find_target(call, name)
    except UnknownHostError:
        raise _fail(call, name, _UNRESOLVED) from None
    port = call.number("Port", 5986 if call.switch("UseSSL") else 5985)
    if port not in (5985, 5986):
        raise limitation(f"Test-WSMan -Port {port} is not simulated; WinRM listens on 5985 and 5986")
    node = _answering(call, target, port)
    logged_on = call.has("Authentication") and call.text("Authentication").lower() != "none"
    if logged_on and node is not call.host.node and not call.host.delegated:
        raise _fail(call, name, _DENIED)
    system = f"{node.os_build.version.rpartition('.')[0]} SP: 0.0" if logged_on else "0.0.0 SP: 0.0"
    yield IDENTITY.make(_SCHEMA, _PROTOCOL, "Microsoft Corporation", f"OS: {system} Stack: 3.0", text=_PROTOCOL)


def _answering(call: Call, target: Target, port: int) -> Node:
    """The node whose WinRM answers.  Raises PSError when none does."""
    try:
        connected = networks(call).connects(str(call.host.computer_name), target.ip, port)
        node = networks(call).machine_at(str(call.host.computer_name), target.ip)
    except NotModelledError as error:
        raise limitation(f"{error} is not simulated") from error
    if not connected:
        refused = ping(call, target) is Answer.REPLY
        call.wait(load_costs().wait_s("connect_refused" if refused else "connect_timeout"))
        raise _fail(call, target.name, _REFUSED if refused else _SILENT)
    if node is None or node.winrm is not WinRmState.Answering:
        raise _fail(call, target.name, _REFUSED)
    return node


def _fail(call: Call, name: str, fault: tuple[str, str]) -> PSError:
    code, text = fault
    machine = f"{call.host.node.name}.{call.host.model.spec.domain}"
    whole = (
        f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}" '
        f'Machine="{machine}"><f:Message>{text}</f:Message></f:WSManFault>'
    )
    return call.fail(whole, "WsManError", "InvalidOperation", name, "System.InvalidOperationException")
