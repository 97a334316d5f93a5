"""What the steps of an extension's installation do beyond taking time.

Steps and files [T] TSG SolutionExtension/Solution-builder-extension-update-scenarios; the layout of the two JSON files
is not published [INF].
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from harness.twin.model.cau import Cau
from harness.twin.model.content import ActionPlan, Environment, PackageVersion, PlanStep
from harness.twin.model.engine import Engine, StepFailedError, Task
from harness.twin.model.entities import Node
from harness.twin.model.files import NodeFiles
from harness.twin.model.plans import skip
from harness.twin.model.sbe.catalog import SbeRelease
from harness.twin.model.sbe.extension import MEDIA, SBE, Extension, media_variables, package_folder, place_media
from harness.twin.model.sbe.payload import SbePayload
from harness.twin.model.world import Process, World

CACHE: Final = "C:\\CloudContent\\Microsoft_Reserved\\Update\\SBECache"
"""Copy of the package on each machine, removed at wrap-up [T]."""
_CAU_STEPS: Final = ("invoke-sbe-cau-run", "cau-wait", "confirm-cau-done", "eval-cau-retry-attempts")


class SbeSteps:
    """Handlers of the plan of one extension at a time."""

    def __init__(
        self,
        world: World,
        engine: Engine,
        cau: Cau,
        extension: Extension,
        environment: Environment,
        files: Callable[[], NodeFiles],
    ) -> None:
        self._world = world
        self._cau = cau
        self._extension = extension
        self._environment = environment
        self._files = files
        engine.handlers.update(
            {
                "sbe-stage": self._stage,
                "sbe-scan": self._scan,
                "sbe-attempts": self._attempts,
                "sbe-stamp": self._stamp,
                "sbe-clean": self._clean,
            }
        )

    def payload(self, version: str) -> SbePayload:
        """What CAU installs for *version*.  Raises CatalogError."""
        catalog = self._extension.catalog
        return SbePayload(self._world, catalog.release(version), catalog.vendor.plugin)

    # --- handlers

    def _stage(self, task: Task) -> Process:
        """Content and metadata below ``CloudMedia\\SBE\\Staged``, and a copy of the package on every machine."""
        yield from self._world.wait(0)
        release = self._release(task.plan)
        files = self._files()
        place_media(files, "Staged", release)
        for node in self._world.nodes.values():
            self._require(node)
            node.files.make_folder(CACHE)
            if not node.files.exists(_cache(release)):
                node.files.copy(package_folder(release.version), _cache(release))
            node.variables |= {**media_variables("Staged"), "SBEStageVersion": release.version}

    def _scan(self, task: Task) -> Process:
        """Write what would be installed where; with nothing to do the CAU run is skipped."""
        yield from self._world.wait(0)
        release = self._release(task.plan)
        payload = self.payload(release.version)
        found = [node.name for node in self._world.nodes.values() if not payload.is_current(node)]
        rows = [{"NodeName": name, "UpdateTitle": f"{SBE} {release.version}"} for name in found]
        self._note("cauScanOutput.json", rows)
        if not found:
            for step in _siblings(task.plan.root, task.step):
                if step.slug.partition("[")[0] in _CAU_STEPS:
                    skip(step)

    def _attempts(self, task: Task) -> Process:
        yield from self._world.wait(0)
        runs = [run for run in self._cau.history.reports if run.started_ns >= task.plan.started_ns]
        rows = [{"Attempt": run.attempt, "RunId": run.run_id, "Status": str(run.status)} for run in runs]
        self._note("CAURunAttempts.json", rows)

    def _stamp(self, task: Task) -> Process:
        """The version of the cluster, which the environment shows; staged content becomes the installed one."""
        yield from self._world.wait(0)
        release, now = self._release(task.plan), self._world.now
        environment = self._environment
        environment.current_sbe_version = release.version
        environment.package_versions = [
            PackageVersion(SBE, release.version, now) if item.package_type == SBE else item
            for item in environment.package_versions
        ]
        files = self._files()
        files.remove(f"{MEDIA}\\Staged", recurse=True)
        place_media(files, "Installed", release)
        for node in self._world.nodes.values():
            node.variables |= media_variables("Installed")
            node.variables.pop("SBEStagedMetadata", None)
        self._extension.installed = release

    def _clean(self, task: Task) -> Process:
        yield from self._world.wait(0)
        release, node = self._release(task.plan), self._world.nodes[task.machine]
        if node.files.exists(_cache(release)):
            node.files.remove(_cache(release), recurse=True)

    # --- inner steps

    def _release(self, plan: ActionPlan) -> SbeRelease:
        return self._extension.catalog.release(plan.runtime_parameters["UpdateVersion"])

    def _require(self, node: Node) -> None:
        if not node.os_running:
            text = (
                f"Connecting to remote server {node.name} failed with the following error message : "
                "The WinRM client cannot complete the operation."
            )
            raise StepFailedError(text, node.name)

    def _note(self, name: str, rows: object) -> None:
        folder = f"{MEDIA}\\Staged\\metadata"
        files = self._files()
        files.make_folder(folder)
        files.write(f"{folder}\\{name}", json.dumps(rows, indent=1).encode())


def _cache(release: SbeRelease) -> str:
    return f"{CACHE}\\{release.version}"


def _siblings(root: PlanStep, step: PlanStep) -> list[PlanStep]:
    """Steps that stand beside *step*."""
    for child in root.children:
        if child is step:
            return root.children
        if found := _siblings(child, step):
            return found
    return []
