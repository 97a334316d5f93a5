"""LLDP agents of the physical adapters ([D] WPD NetLldpAgent; properties and ``Set-NetLldpAgent`` [T] TSG Networking).

The agents are off, as Windows has them [GK].  Enabling one changes what runs now, setting it also what it starts with.
The physical switches are not simulated, so no agent ever has a neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import given_input, property_of, selects
from harness.twin.cmdlets.farmodules import cim_module
from harness.twin.cmdlets.network.cim import choose, network, shape
from harness.twin.model.network import Adapter
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.objects import PSObject, UInt32

LLDP: Final = cim_module("NetLldpAgent")
AGENT: Final = shape("MSFT_NetLldpAgent", "Name Scope MacAddress Neighbor AdminStatus OperStatus Status")
_SCOPES: Final = ("NearestBridge", "NearestNonTpmrBridge", "NearestCustomerBridge")
"""Three agents for each adapter, one for each kind of bridge [GK]."""
_BOTH_WAYS: Final = 3
"""[T] AdminStatus of an agent that sends and receives; that of a disabled one, 0, is [INF]."""
_NAME: Final = Parameter(
    "NetAdapterName", "string[]", position=0, pipeline="name", aliases=("ifAlias", "Name", "InterfaceAlias")
)
_SCOPE: Final = Parameter("AddressScope", "string[]", position=1, aliases=("Scope",))
_INPUT: Final = Parameter("InputObject", "object[]", pipeline="value")
_PASS: Final = Parameter("PassThru", "switch")


@LLDP.cmdlet("Get-NetLldpAgent", _NAME, _SCOPE)
def get_agent(call: Call) -> Iterator[object]:
    """Agents of the physical adapters, without neighbours."""
    for adapter in _chosen(call):
        yield from _agents(call, adapter)


@LLDP.cmdlet("Enable-NetLldpAgent", _NAME, _SCOPE, _INPUT, _PASS, should_process=True)
def enable_agent(call: Call) -> Iterator[object]:
    """Switches agents on until the machine restarts [T]."""
    yield from _set(call, active=True, persistent=False)


@LLDP.cmdlet("Disable-NetLldpAgent", _NAME, _SCOPE, _INPUT, _PASS, should_process=True)
def disable_agent(call: Call) -> Iterator[object]:
    """Switches agents off until the machine restarts."""
    yield from _set(call, active=False, persistent=False)


@LLDP.cmdlet(
    "Set-NetLldpAgent",
    _NAME,
    _SCOPE,
    _INPUT,
    Parameter("AdminStatus", "string", mandatory=True, values=("Enabled", "Disabled")),
    _PASS,
    should_process=True,
)
def set_agent(call: Call) -> Iterator[object]:
    """Switches agents; that survives a restart where it changes their state [T]."""
    yield from _set(call, active=call.text("AdminStatus").lower() == "enabled", persistent=True)


def _set(call: Call, *, active: bool, persistent: bool) -> Iterator[object]:
    for adapter in _chosen(call):
        if not call.should_process(adapter.name, call.declaration.name):
            continue
        before, agent = _is_active(call, adapter), adapter.lldp
        agent.active, agent.boot = active, call.host.node.boot_id
        if persistent and before is not active:
            agent.persistent = active
        if call.switch("PassThru"):
            yield from _agents(call, adapter)


def _chosen(call: Call) -> list[Adapter]:
    adapters = [item for item in network(call).adapters if item.physical]
    came = given_input(call)
    if came is not None and not call.has("NetAdapterName"):
        names = [str(property_of(item, "Name")) for item in (came if isinstance(came, list) else [came])]
        return [item for item in adapters if item.name in names]
    return choose(call, "MSFT_NetLldpAgent", "NetAdapterName", adapters, lambda item: item.name)


def _is_active(call: Call, adapter: Adapter) -> bool:
    agent = adapter.lldp
    return agent.active if agent.boot == call.host.node.boot_id else agent.persistent


def _agents(call: Call, adapter: Adapter) -> Iterator[PSObject]:
    active = _is_active(call, adapter)
    up = active and network(call).is_up(adapter)
    for scope in _SCOPES:
        if selects(call.texts("AddressScope"), scope):
            yield AGENT.make(
                adapter.name, scope, adapter.mac, None, UInt32(_BOTH_WAYS if active else 0), "Up" if up else "Down",
                "Enabled" if active else "Disabled",
            )  # fmt: skip
