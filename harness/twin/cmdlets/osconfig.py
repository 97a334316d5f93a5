"""Desired settings of the security baseline: ``Get-`` and ``Set-OSConfigDesiredConfiguration``.

[D] WSD osconfig (``Name``, ``Value``, ``Compliance`` with ``Status`` and ``Reason``); the setting that blocks
Cluster-Aware Updating, its scenario and its values [T] azure-local-updates 9.5: 1 blocks, 2 audits.  Audit at first is
[INF]; what is set is kept and read back, and no update here fails by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.twin.cmdlets.declaring import Module, selects
from harness.twin.cmdlets.shapes import Shape
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.text import to_text

OSCONFIG: Final = Module("Microsoft.OSConfig", lambda name: name)
SETTING: Final = Shape("Microsoft.OSConfig.DesiredConfiguration", "Scenario Name Value Compliance")
COMPLIANCE: Final = Shape("Microsoft.OSConfig.Compliance", "Status Reason Severity")
_SCENARIOS: Final[Mapping[str, Mapping[str, str]]] = {
    "Defender/Antivirus": {"ASRBlockProcessCreationFromPSExecAndWMICommands": "2"}
}
_WHICH: Final = (
    Parameter("Scenario", "string", position=0, mandatory=True),
    Parameter("Setting", "string", aliases=("Name",)),
)


def _settings(call: Call) -> tuple[str, Mapping[str, str]]:
    """Name and settings of the scenario.  Raises PSError for one that is not simulated."""
    wanted = call.text("Scenario").lower()
    found = next(((name, items) for name, items in _SCENARIOS.items() if name.lower() == wanted), None)
    if found is None:
        raise limitation(f"the scenario '{call.text('Scenario')}' of OSConfig is not simulated")
    name = call.text("Setting")
    if name and not any(item.lower() == name.lower() for item in found[1]):
        raise limitation(f"the setting '{name}' of OSConfig is not simulated")
    return found


@OSCONFIG.cmdlet("Get-OSConfigDesiredConfiguration", *_WHICH)
def get_setting(call: Call) -> Iterator[object]:
    """Settings of a scenario on this node; all are in force."""
    scenario, settings = _settings(call)
    wanted = [call.text("Setting")] if call.has("Setting") else []
    for name, default in settings.items():
        if selects(wanted, name):
            value = call.host.node.kept.desired.get(name.lower(), default)
            yield SETTING.make(scenario, name, value, COMPLIANCE.make("Compliant", "", ""), text=name)


@OSCONFIG.cmdlet(
    "Set-OSConfigDesiredConfiguration", *_WHICH, Parameter("Value", "object"), Parameter("Default", "switch")
)
def set_setting(call: Call) -> None:
    """Sets one setting, or with ``-Default`` all of a scenario as they were at first."""
    _, settings = _settings(call)
    kept: dict[str, str] = call.host.node.kept.desired
    if call.switch("Default"):
        for name in settings:
            kept.pop(name.lower(), None)
    elif call.has("Setting") and call.has("Value"):
        kept[call.text("Setting").lower()] = to_text(call.get("Value"))
    else:
        raise limitation("Set-OSConfigDesiredConfiguration is simulated with -Setting and -Value, or with -Default")
