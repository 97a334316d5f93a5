"""The environment checker's validators, as far as guides verify with them ([T] TSG EnvironmentValidator).

Of the hardware validator only a named check is there; the others run what the model has of their family.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.twin.cmdlets.declaring import Module, classes, selects
from harness.twin.cmdlets.updateobjects import make_check
from harness.twin.model.catalog import version_key
from harness.twin.model.cluster import ClusterModel
from harness.twin.shell.commands.api import Call, Parameter
from harness.twin.shell.errors import limitation
from harness.twin.shell.lookup import not_found

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


def _validator(family: str, since: tuple[int, int] = (0, 0)) -> None:
    """Declare the validator of a family of checks, unknown in releases before *since*."""
    prefix = f"AzStackHci_{family}_"

    def validate(call: Call) -> Iterator[object]:
        model: ClusterModel = call.host.model
        if version_key(model.environment.current_version)[:2] < since:
            raise not_found(call.declaration.name)
        include, exclude = call.texts("Include"), call.texts("Exclude")
        for result in model.check_all():
            test = f"Test-{result.name.removeprefix(prefix).removeprefix('Test_').removeprefix('Test-')}"
            chosen = selects(include, test) and not (exclude and selects(exclude, test))
            if result.name.startswith(prefix) and chosen and call.switch("PassThru"):
                yield make_check(model, result, full=True)

    CHECKER.cmdlet(
        f"Invoke-AzStackHci{family}Validation",
        Parameter("Include", "string[]"),
        Parameter("Exclude", "string[]"),
        Parameter("PassThru", "switch"),
        Parameter("PsSession", "object[]"),
    )(validate)


for _family in ("ARBStack", "ArcIntegration", "Connectivity", "Network", "SBEHealth", "ValidatedRecipe"):
    _validator(_family)
_validator("VSRDriftDetection", (12, 2602))
