"""Modules of the PowerShell Gallery: ``fixtures/catalogs/gallery.yaml``, and what a node has of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml

from harness.twin.model.catalog import CatalogError, default_directory, version_key
from harness.twin.model.entities import Node

_FILE: Final = "gallery.yaml"


@dataclass(frozen=True, slots=True)
class GalleryModule:
    """One module; ``versions`` oldest first, ``installed`` is what deployment leaves (empty: nothing)."""

    name: str
    versions: tuple[str, ...]
    installed: str
    description: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """The repository and its modules."""

    repository: str
    source: str
    modules: tuple[GalleryModule, ...]

    def find(self, name: str) -> GalleryModule | None:
        """The module of that name, in any case of letters."""
        return next((module for module in self.modules if module.name.lower() == name.lower()), None)


@lru_cache(maxsize=4)
def load_gallery(directory: Path | None = None) -> Gallery:
    """Read the data file.  Raises CatalogError."""
    document = yaml.safe_load(((directory or default_directory()) / _FILE).read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("schema") != 1:
        raise CatalogError(f"{_FILE}: expected a mapping with schema: 1")
    modules = tuple(
        GalleryModule(
            entry["name"],
            tuple(sorted(entry["versions"], key=version_key)),
            entry.get("installed", ""),
            entry["description"],
        )
        for entry in document["modules"]
    )
    repository = document["repository"]
    return Gallery(repository["name"], repository["source"], modules)


def installed_modules(node: Node) -> dict[str, dict[str, int]]:
    """The installed versions by module, and when they came; the dictionary is the node's own."""
    if node.kept.modules is None:
        node.kept.modules = {
            module.name: {module.installed: 0} for module in load_gallery().modules if module.installed
        }
    return node.kept.modules
