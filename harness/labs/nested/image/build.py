"""From the recipe to a node image, layer by layer; what has not changed is taken from the last time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from harness import paths
from harness.clock import NS_PER_S, monotonic_ns
from harness.errors import ConfigError, LabError
from harness.labs.nested.image.closure import SERVICE, ServiceCode, import_closure, with_foreign
from harness.labs.nested.image.disk import DiskLayer
from harness.labs.nested.image.fingerprint import contents, digest_of, recipe_bytes
from harness.labs.nested.image.node_image import NodeImage
from harness.labs.nested.image.programs import Runner, why_not_here
from harness.labs.nested.image.recipe import (
    FETCH_KERNEL_NAME,
    INIT_NAME,
    INITRD_INIT_NAME,
    REQUIREMENTS_NAME,
    Recipe,
    image_dir,
    read_recipe,
)
from harness.labs.nested.image.sources import why_no_sources
from harness.labs.nested.image.store import ImageStore, Stored
from harness.labs.nested.image.system import ROOT_NAME, SystemLayer
from harness.labs.nested.image.wheels import WheelsLayer

SYSTEM: Final = "system"
WHEELS: Final = "wheels"
NODE: Final = "node"
_LOG_NAME: Final = "build.log"
_SYSTEM_SOURCES: Final = ("system.py", "sources.py", "kernelmodules.py")
_WHEELS_SOURCES: Final = ("wheels.py", "rootfolder.py")
_DISK_SOURCES: Final = ("disk.py", "rootfolder.py")
"""Modules of this package that make a layer: who changes them gets the layer anew."""

Say = Callable[[str], None]


class Layers(Protocol):
    """What makes the layers; each method puts its files into the folder `into`."""

    def system(self, into: Path) -> None:
        """The operating system."""

    def wheels(self, system: Path, into: Path) -> None:
        """Packages of others, for the system in a folder."""

    def node(self, system: Path, wheels: Path, into: Path) -> None:
        """Kernel, initrd and disk, from the layers in two folders."""


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """What an image is to be made of, and the hashes by which its layers are known."""

    recipe: Recipe
    folder: Path
    code: ServiceCode

    @property
    def system_digest(self) -> str:
        """Changes with suite, packages and kernel, not with what Debian publishes meanwhile."""
        keys = ("suite", "components", "python", "packages", "kernel", "modules", "exclude")
        files = contents({FETCH_KERNEL_NAME: self.folder / FETCH_KERNEL_NAME})
        return digest_of({"recipe": recipe_bytes(self.recipe, *keys), **files, **_sources(_SYSTEM_SOURCES)})

    @property
    def wheels_digest(self) -> str:
        """Changes with the requirements, and with the system that compiles them."""
        files = contents({REQUIREMENTS_NAME: self.folder / REQUIREMENTS_NAME})
        return digest_of({"system": self.system_digest.encode(), **files, **_sources(_WHEELS_SOURCES)})

    @property
    def digest(self) -> str:
        """Changes with everything."""
        files = contents({name: self.folder / name for name in (INIT_NAME, INITRD_INIT_NAME)})
        code = {f"code/{name}": content for name, content in contents(self.code.files).items()}
        below = {"system": self.system_digest.encode(), "wheels": self.wheels_digest.encode()}
        recipe = {"recipe": recipe_bytes(self.recipe, "disk_mib")}
        return digest_of({**below, **recipe, **files, **code, **_sources(_DISK_SOURCES)})


@dataclass(frozen=True, slots=True)
class RealLayers:
    """Layers made by Debian's and the machine's programs."""

    plan: ImagePlan
    runner: Runner

    def system(self, into: Path) -> None:
        """See Layers."""
        SystemLayer(self.plan.recipe, self.plan.folder).make(into, self.runner)

    def wheels(self, system: Path, into: Path) -> None:
        """See Layers."""
        WheelsLayer(self.plan.recipe, self.plan.folder).make(system / ROOT_NAME, into, self.runner)

    def node(self, system: Path, wheels: Path, into: Path) -> None:
        """See Layers."""
        DiskLayer(self.plan.recipe, self.plan.folder, self.plan.code).make(system, wheels, into, self.runner)


def plan_image(service_files: Mapping[str, Path] | None = None) -> ImagePlan:
    """What an image of this checkout is made of.

    Raises SourceError for mistakes in the recipe, ConfigError when a part is missing.
    """
    folder = image_dir()
    top = paths.root()
    code = import_closure(SERVICE, top) if service_files is None else with_foreign(service_files)
    return ImagePlan(read_recipe(folder), folder, code)


def image_ready(service_files: Mapping[str, Path] | None = None) -> NodeImage | None:
    """The image of this checkout where it was built already, else None.  Raises ConfigError as `plan_image` does."""
    plan = plan_image(service_files)
    stored = ImageStore().find(NODE, plan.digest)
    return NodeImage.at(stored.folder, stored.digest) if stored else None


def why_not_buildable() -> str:
    """What this machine lacks for building, with the Debian packages that bring it; empty when nothing."""
    return why_not_here() or why_no_sources(read_recipe(image_dir()))


def build_image(
    say: Say, *, force: bool = False, service_files: Mapping[str, Path] | None = None, layers: Layers | None = None
) -> NodeImage:
    """The node image of this checkout; what of it is there already is not made again, unless `force`.

    `say` is told what is being made.  `service_files` are the service's files by their path below the folder that
    Python searches, instead of those that `harness.twin.nodes.service` consists of; `layers` makes the layers.

    Raises ConfigError when the machine lacks something, or the recipe has mistakes; LabError when a step fails.
    Nothing is left of a layer that failed; the image of before stays.
    """
    plan, store = plan_image(service_files), ImageStore()
    if not force and (stored := store.find(NODE, plan.digest)):
        return _used(store, plan, stored)
    if layers is None and (missing := why_not_buildable()):
        raise ConfigError(f"no node image can be built here: {missing}", hint="bring what is missing, as root")
    with store.building(say):
        if not force and (stored := store.find(NODE, plan.digest)):  # somebody else built it meanwhile
            return _used(store, plan, stored)
        (store.folder / _LOG_NAME).write_text("", encoding="utf-8")
        making = _Making(store, say, force, layers or RealLayers(plan, Runner(store.folder / _LOG_NAME)))
        stored = making.image(plan)
        for left in store.remove_unused((SYSTEM, WHEELS, NODE)):
            say(f"removed {left.name}, which nobody asked for in two weeks")
    return _used(store, plan, stored)


@dataclass(frozen=True, slots=True)
class _Making:
    """One build."""

    store: ImageStore
    say: Say
    force: bool
    layers: Layers

    def image(self, plan: ImagePlan) -> Stored:
        base = self._layer(SYSTEM, plan.system_digest, "operating system", self.layers.system).folder
        site = self._layer(
            WHEELS, plan.wheels_digest, "Python packages", lambda into: self.layers.wheels(base, into)
        ).folder
        digest = plan.digest

        def fill(into: Path) -> None:
            self.layers.node(base, site, into)
            if plan.digest != digest:
                raise LabError("files of the node image were changed while it was being made", hint="build it again")

        return self._layer(NODE, digest, "disk", fill)

    def _layer(self, kind: str, digest: str, title: str, fill: Callable[[Path], None]) -> Stored:
        if not self.force and (stored := self.store.find(kind, digest)):
            stored.touch()
            self.say(f"{title}: unchanged")
            return stored
        self.say(f"{title}: being made")
        begun = monotonic_ns()
        stored = self.store.make(kind, digest, fill)
        self.say(f"{title}: made in {(monotonic_ns() - begun) / NS_PER_S:.1f} s")
        return stored


def _used(store: ImageStore, plan: ImagePlan, stored: Stored) -> NodeImage:
    """The image, and a note that it and what it was made of are still wanted."""
    for kind, digest in ((SYSTEM, plan.system_digest), (WHEELS, plan.wheels_digest), (NODE, plan.digest)):
        if layer := store.find(kind, digest):
            layer.touch()
    return NodeImage.at(stored.folder, stored.digest)


def _sources(names: tuple[str, ...]) -> dict[str, bytes]:
    return contents({name: Path(__file__).with_name(name) for name in names})
