"""``Test-WSMan``, execution policies and the time zone of a node ([D] PSD 5.1; default policy of a server [D])."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from harness.twin.cmdlets.computer import MANAGEMENT
from harness.twin.cmdlets.costs import load_costs
from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.protection import SECURITY
from harness.twin.cmdlets.remoting import find_node, listens, on_network
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import EnumType, PSEnum
from harness.twin.shell.typesystem import register_enum

WSMAN: Final = Module("Microsoft.WSMan.Management", classes("Microsoft.WSMan.Management.{}Command"))
IDENTITY: Final = Shape("System.Xml.XmlElement", "wsmid ProtocolVersion ProductVendor ProductVersion")
ROW: Final = Shape("System.Management.Automation.PSCustomObject", "Scope ExecutionPolicy")
ZONE: Final = Shape(
    "System.TimeZoneInfo", "Id DisplayName StandardName DaylightName BaseUtcOffset SupportsDaylightSavingTime"
)
POLICY: Final = register_enum(
    EnumType(
        "Microsoft.PowerShell.ExecutionPolicy",
        {"Unrestricted": 0, "RemoteSigned": 1, "AllSigned": 2, "Restricted": 3, "Bypass": 4, "Undefined": 5},
    )
)
_SCOPES: Final = ("MachinePolicy", "UserPolicy", "Process", "CurrentUser", "LocalMachine")
_IDENTITY: Final = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
_PROTOCOL: Final = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"


@WSMAN.cmdlet(
    "Test-WSMan",
    Parameter("ComputerName", "string", position=0, pipeline="value"),
    Parameter("Authentication", "string", values=("None", "Default", "Negotiate", "Kerberos", "CredSSP", "Basic")),
    Parameter("Credential", "object"),
    Parameter("Port", "int"),
    Parameter("UseSSL", "switch"),
)
def test_wsman(call: Call) -> Iterator[object]:
    """Whether a node's WinRM answers; without authentication it tells no version of its system ([D])."""
    name = call.text("ComputerName") or "localhost"
    node = find_node(call, name)
    here = node is call.host.node
    reached = node is not None and (here or (on_network(node) and on_network(call.host.node) and listens(node)))
    if node is None or not reached or node.winrm.value != "answering":
        if node is not None and not reached:
            call.wait(load_costs().wait_s("connect_timeout"))
        text = (
            f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2150859046" '
            f'Machine="{call.host.computer_name}"><f:Message>WinRM cannot complete the operation. Verify that the '
            "specified computer name is valid, that the computer is accessible over the network, and that a firewall "
            "exception for the WinRM service is enabled and allows access from this computer.</f:Message>"
            "</f:WSManFault>"
        )
        call.write_error(text, "WsManError", "InvalidOperation", name, "System.InvalidOperationException")
        return
    told = call.text("Authentication", "None").lower() != "none"
    version = f"OS: {node.os_build.release} SP: 0.0 Stack: 3.0" if told else "OS: 0.0.0 SP: 0.0 Stack: 3.0"
    yield IDENTITY.make(_IDENTITY, _PROTOCOL, "Microsoft Corporation", version)


def _policy(call: Call, scope: str) -> PSEnum:
    kept: dict[str, str] = call.host.node.kept.execution_policies
    default = "RemoteSigned" if scope == "LocalMachine" else "Undefined"
    return PSEnum(POLICY, POLICY.labels[kept.get(scope.lower(), default)])


@SECURITY.cmdlet(
    "Get-ExecutionPolicy", Parameter("Scope", "string", position=0, values=_SCOPES), Parameter("List", "switch")
)
def get_policy(call: Call) -> Iterator[object]:
    """The policy that is in force, that of a scope, or all."""
    if call.switch("List"):
        yield from (ROW.make(scope, _policy(call, scope)) for scope in _SCOPES)
        return
    if call.has("Scope"):
        yield _policy(call, next(scope for scope in _SCOPES if scope.lower() == call.text("Scope").lower()))
        return
    found = [_policy(call, scope) for scope in _SCOPES]
    yield next((item for item in found if item.name != "Undefined"), PSEnum(POLICY, POLICY.labels["Restricted"]))


@SECURITY.cmdlet(
    "Set-ExecutionPolicy",
    Parameter("ExecutionPolicy", "string", position=0, mandatory=True, values=tuple(POLICY.labels)),
    Parameter("Scope", "string", position=1, values=_SCOPES[2:]),
    Parameter("Force", "switch"),
    should_process=True,
)
def set_policy(call: Call) -> None:
    """Sets the policy of a scope: for the machine, unless another is named.  Scripts run whatever it is."""
    wanted = next(name for name in POLICY.labels if name.lower() == call.text("ExecutionPolicy").lower())
    if call.should_process(wanted, "Set-ExecutionPolicy"):
        call.host.node.kept.execution_policies[call.text("Scope", "LocalMachine").lower()] = wanted


@MANAGEMENT.cmdlet("Get-TimeZone", aliases=("gtz",))
def get_zone(call: Call) -> Iterator[object]:
    """UTC, in which all times here are."""
    del call
    name = "Coordinated Universal Time"
    yield ZONE.make("UTC", f"(UTC) {name}", name, name, timedelta(0), False, text=f"(UTC) {name}")
