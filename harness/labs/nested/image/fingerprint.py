"""What a layer is known by: a hash of everything that goes into it, the source that builds it included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.labs.nested.image.recipe import Recipe


def digest_of(parts: Mapping[str, bytes]) -> str:
    """A hash over names and contents; the order of the mapping does not matter."""
    found = hashlib.sha256()
    for name, content in sorted(parts.items()):
        found.update(f"{len(name)}:{name}:{len(content)}:".encode())
        found.update(content)
    return found.hexdigest()


def recipe_bytes(recipe: Recipe, *keys: str) -> bytes:
    """Those keys of the recipe that matter to one layer: a larger disk needs no new operating system."""
    plain: dict[str, Any] = recipe.plain()
    return json.dumps({key: plain[key] for key in keys}, sort_keys=True).encode()


def contents(files: Mapping[str, Path]) -> dict[str, bytes]:
    """What is in files now, by the names they go by.  Raises OSError."""
    return {name: file.read_bytes() for name, file in files.items()}
