"""Kernel modules of an unpacked kernel package: where they are, and what has to be loaded before them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from harness.errors import ConfigError
from harness.plan.text import closest

_DEPENDS: Final = re.compile(rb"(?:^|\0)depends=([^\0]*)\0")
"""In the section `.modinfo` of a module; the package has no `modules.dep`, which its installation would make."""


@dataclass(frozen=True, slots=True)
class KernelModules:
    """Modules by name (with underscores), and the names of those that are built into the kernel."""

    files: Mapping[str, Path]
    built_in: frozenset[str]

    @classmethod
    def below(cls, tree: Path) -> Self:
        """The modules of the kernel that was unpacked below `tree`."""
        files = {_name(file): file for file in sorted(tree.rglob("*.ko"))}
        lists = [listing.read_text() for listing in tree.rglob("modules.builtin")]
        return cls(files, frozenset(_name(Path(line)) for text in lists for line in text.splitlines()))

    def in_order(self, names: Sequence[str]) -> list[Path]:
        """The files of `names` and of what they need, each after what it needs; built-in ones are left out.

        Raises ConfigError for a module that the kernel does not have.
        """
        ordered: dict[str, Path] = {}
        for name in names:
            self._add(name, "the recipe", ordered)
        return list(ordered.values())

    def _add(self, name: str, asked_by: str, ordered: dict[str, Path]) -> None:
        if name in ordered or name in self.built_in:
            return
        if name not in self.files:
            near = closest(name, self.files)
            raise ConfigError(
                f"the kernel has no module '{name}', which {asked_by} asks for"
                + (f" (did you mean '{near}'?)" if near else ""),
                hint="correct 'modules' in the recipe of the node image",
            )
        found = _DEPENDS.search(self.files[name].read_bytes())
        for needed in found[1].decode().split(",") if found else ():
            if needed:
                self._add(needed.replace("-", "_"), f"'{name}'", ordered)
        ordered[name] = self.files[name]


def _name(file: Path) -> str:
    return file.name.partition(".")[0].replace("-", "_")
