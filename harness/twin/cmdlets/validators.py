"""The environment checker's hardware validator, as far as a guide verifies with it ([T] TSG EnvironmentValidator)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module, classes
from harness.twin.cmdlets.updateobjects import make_check
from harness.twin.model.cluster import ClusterModel
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation

CHECKER: Final = Module("AzStackHci.EnvironmentChecker", classes("{}"))
_CHECKS: Final = {"test-systemdrivefreespace": "AzStackHci_Hardware_SystemDriveFreeSpace"}


@CHECKER.cmdlet(
    "Invoke-AzStackHciHardwareValidation",
    Parameter("Include", "string[]"),
    Parameter("Exclude", "string[]"),
    Parameter("PassThru", "switch"),
)
def invoke_hardware_validation(call: Call) -> Iterator[object]:
    """Checks this node now; results come with ``-PassThru``, the report for the eye is not simulated."""
    model: ClusterModel = call.host.model
    wanted = call.texts("Include")
    if not wanted or call.has("Exclude"):
        raise limitation("only named hardware checks are simulated: -Include Test-SystemDriveFreeSpace")
    for test in wanted:
        name = _CHECKS.get(test.lower())
        if name is None:
            raise limitation(f"the hardware check '{test}' is not simulated")
        for result in model.check_now(name):
            if call.switch("PassThru") and f"Machine: {call.host.node.name}," in result.target_resource_name:
                yield make_check(model, result, full=True)
