"""``Get-NetLldpAgent`` ([T] TSG EnvironmentValidator: properties of the agent).

The agents are off, as Windows has them [GK], so nothing is known of the switches, which are not simulated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import selects
from harness.twin.cmdlets.network.cim import CimModule, choose, network, shape
from harness.twin.shell.commands.api import Call, Parameter

LLDP: Final = CimModule("NetLldpAgent")
AGENT: Final = shape("MSFT_NetLldpAgent", "Name Scope MacAddress Neighbor AdminStatus OperStatus Status")
_SCOPES: Final = ("NearestBridge", "NearestNonTpmrBridge", "NearestCustomerBridge")
"""Three agents for each adapter, one for each kind of bridge [GK]."""


@LLDP.cmdlet(
    "Get-NetLldpAgent",
    Parameter("NetAdapterName", "string[]", position=0, pipeline="name", aliases=("ifAlias", "Name", "InterfaceAlias")),
    Parameter("Scope", "string[]"),
)
def get_agent(call: Call) -> Iterator[object]:
    """Agents of the physical adapters: disabled, without neighbours."""
    adapters = [item for item in network(call).adapters if item.physical]
    for adapter in choose(call, "MSFT_NetLldpAgent", "NetAdapterName", adapters, lambda item: item.name):
        for scope in _SCOPES:
            if selects(call.texts("Scope"), scope):
                yield AGENT.make(adapter.name, scope, adapter.mac, None, "Disabled", "Down", "Disabled")
