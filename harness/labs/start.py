"""Main of a lab host process: `python -m harness.labs.start FOLDER`, started by `harness.labs.hosting`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from harness.clock import slow_collector
from harness.errors import ConfigError, HarnessError
from harness.labs.host import Hosted, coming_up, run_host
from harness.labs.hosting import FAILED_NAME, JOB_NAME
from harness.labs.models import LabFile

HOSTED_KINDS: Final = frozenset({"nested", "twin"})
"""Kinds of labs that this version has a provider for."""


def why_not_hosted(lab: LabFile) -> str:
    """Why a lab cannot be hosted here, empty when it can: this version, or what this machine lacks."""
    if lab.kind not in HOSTED_KINDS:
        return f"labs of kind '{lab.kind}' cannot be hosted by this version"
    if lab.nested is None:
        return ""
    if lab.nested.subject != "emulated":
        return f"nested labs with 'subject: {lab.nested.subject}' cannot be hosted by this version"
    from harness.labs.nested.needs import lab_lacks, memory_short, named

    if lacks := lab_lacks():
        return f"nested labs need what is not here: {named(lacks)}"
    return memory_short(len(lab.nodes), lab.nested.memory_mib)


def how_to_host(lab: LabFile) -> str:
    """What brings this machine what it lacks for hosting a lab, empty where nothing does."""
    if lab.nested is None or lab.nested.subject != "emulated":
        return ""
    from harness.labs.nested.needs import MORE_MEMORY, lab_lacks, remedy

    lacks = lab_lacks()
    return remedy(lacks) if lacks else MORE_MEMORY


def prepare(lab: LabFile, say: Callable[[str], None]) -> None:
    """Make what a lab needs once on this machine, before anything is leased: the node image of an emulated one.

    `say` is told what is being made, which can take a minute or two.  Raises ConfigError when the machine lacks
    something for it, LabError when a step fails.
    """
    if lab.nested is not None and lab.nested.subject == "emulated":
        from harness.labs.nested.image import build_image, image_ready

        if image_ready() is None:
            build_image(lambda text: say(f"node image: {text}"))


def provider(kind: str) -> Callable[[str, dict[str, Any], Path], Hosted]:
    """The provider that hosts labs of `kind`; imported only here, so that nothing else pays for it."""
    if kind == "twin":
        from harness.labs.twin import TwinHosting

        return TwinHosting
    if kind == "nested":
        from harness.labs.nested.hosting import NestedHosting

        return NestedHosting
    raise ConfigError(
        f"labs of kind '{kind}' cannot be hosted by this version",
        hint=f"use a lab of kind: {', '.join(sorted(HOSTED_KINDS))}",
    )


def main(folder: Path) -> int:
    """Host the instance described in `folder` until it ends."""
    slow_collector()
    with coming_up(folder):
        job = json.loads((folder / JOB_NAME).read_text())
        try:
            hosted = provider(job["lab"]["kind"])(job["instance"], job["lab"], folder)
        except HarnessError as error:
            (folder / FAILED_NAME).write_text(json.dumps({"message": str(error), "hint": error.hint}))
            return 1
        run_host(hosted, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
