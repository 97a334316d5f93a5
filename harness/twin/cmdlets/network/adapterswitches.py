"""``Set-NetAdapter``, and ``Enable-`` and ``Disable-NetAdapterRdma``, ``…Rss``, ``…Qos``, ``…Vmq``, ``…Sriov``.

[D] WPD NetAdapter: they set the driver's properties, as ``Set-NetAdapterAdvancedProperty`` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Body
from harness.twin.cmdlets.network.adapters import DESCRIPTION, HIDDEN, INPUT, NAME, make_adapter
from harness.twin.cmdlets.network.cim import ADAPTERS, changed, chosen_adapters, network
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

_KEYWORDS: Final = {
    "Rdma": "*NetworkDirect",
    "Rss": "*RSS",
    "Qos": "*QOS",
    "Vmq": "*VMQ",
    "Sriov": "*SRIOV",
}
_PASS: Final = Parameter("PassThru", "switch")
_RESTART: Final = Parameter("NoRestart", "switch")


@ADAPTERS.cmdlet(
    "Set-NetAdapter",
    NAME,
    DESCRIPTION,
    INPUT,
    HIDDEN,
    Parameter("VlanID", "int", minimum=0, maximum=4094),
    Parameter("MacAddress", "string"),
    _RESTART,
    _PASS,
    should_process=True,
)
def set_adapter(call: Call) -> Iterator[object]:
    """Sets the VLAN of physical adapters, and MAC addresses."""
    own = network(call)
    digits = call.text("MacAddress").replace("-", "").replace(":", "").upper()
    if digits and (len(digits) != 12 or set(digits) - set("0123456789ABCDEF")):
        raise limitation(f"what Windows says to the MAC address '{call.text('MacAddress')}' is not simulated")
    for adapter in chosen_adapters(call, own.adapters):
        if call.has("VlanID") and not adapter.physical:
            raise limitation("the VLAN of a virtual adapter is set with Set-VMNetworkAdapterVlan or -Isolation")
        if call.should_process(adapter.name, "Set-NetAdapter"):
            if call.has("VlanID"):
                adapter.set_advanced("VlanID", str(call.number("VlanID")))
            if digits:
                adapter.mac = "-".join(digits[at : at + 2] for at in range(0, 12, 2))
            changed(call)
            if call.switch("PassThru"):
                yield make_adapter(call, own, adapter)


def _toggle(keyword: str, value: str, feature: str) -> Body:
    def toggle(call: Call) -> None:
        adapters = [item for item in network(call).adapters if item.physical]
        for adapter in chosen_adapters(call, adapters, f"MSFT_NetAdapter{feature}SettingData"):
            if call.should_process(adapter.name, call.declaration.name):
                adapter.set_advanced(keyword, value)
                changed(call)

    toggle.__doc__ = f"Sets the driver's property ``{keyword}`` of physical adapters to {value}."
    return toggle


for _feature, _keyword in _KEYWORDS.items():
    for _verb, _value in (("Enable", "1"), ("Disable", "0")):
        ADAPTERS.cmdlet(
            f"{_verb}-NetAdapter{_feature}", NAME, DESCRIPTION, INPUT, HIDDEN, _RESTART, _PASS, should_process=True
        )(_toggle(_keyword, _value, _feature))
