"""What a node image is made of: `recipe.yaml` and the files beside it in `fixtures/images/linux-node`."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StrictInt

from harness.paths import fixtures_dir
from harness.plan.checking import validate
from harness.plan.models import Value, of_form
from harness.plan.problem import SourceError
from harness.plan.text import TextError, require_text
from harness.plan.yaml_source import load_source

RECIPE_NAME: Final = "recipe.yaml"
REQUIREMENTS_NAME: Final = "requirements.txt"
INIT_NAME: Final = "init"
INITRD_INIT_NAME: Final = "initrd-init"
FETCH_KERNEL_NAME: Final = "fetch-kernel"

_SUITE: Final = re.compile(r"[a-z][a-z0-9-]*")
_COMPONENT: Final = re.compile(r"[a-z][a-z0-9/-]*")
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")  # [D] Debian Policy 5.6.7
_MODULE: Final = re.compile(r"[a-z0-9_]+")
_PYTHON: Final = re.compile(r"3\.[0-9]+")
_SHELL_PATTERN: Final = re.compile(r"[\w*?+./-]+")


def _form(what: str, pattern: re.Pattern[str], example: str) -> BeforeValidator:
    return of_form(pattern, example, f"no {what}; write it like '{example}'")


def _pattern_below_root(value: object) -> str:
    text = require_text(value, "usr/share/doc/*")
    path = PurePosixPath(text)
    if not _SHELL_PATTERN.fullmatch(text) or path.is_absolute() or ".." in path.parts or text.startswith("-"):
        raise TextError(f"'{text}' is no pattern below the root of the disk; write it like 'usr/share/doc/*'")
    return text


Suite = Annotated[str, _form("suite", _SUITE, "bookworm")]
Component = Annotated[str, _form("component", _COMPONENT, "main")]
Package = Annotated[str, _form("package name", _PACKAGE, "python3")]
Module = Annotated[str, _form("kernel module", _MODULE, "virtio_net")]
PythonVersion = Annotated[str, _form("Python version", _PYTHON, "3.11")]
Pattern = Annotated[str, BeforeValidator(_pattern_below_root)]


class Modules(Value):
    """Kernel modules in the order in which they are loaded: by the initrd, and by the first process of the node."""

    initrd: Annotated[tuple[Module, ...], Field(min_length=1)]
    node: tuple[Module, ...]


class Recipe(Value):
    """The recipe of a node image.  `python` is the version that the suite must have; `disk_mib` the size of the root
    disk as the node sees it."""

    schema_: Literal[1] = Field(alias="schema")
    suite: Suite
    components: Annotated[tuple[Component, ...], Field(min_length=1)]
    python: PythonVersion
    packages: Annotated[tuple[Package, ...], Field(min_length=1)]
    kernel: Package
    modules: Modules
    exclude: tuple[Pattern, ...] = ()
    disk_mib: Annotated[StrictInt, Field(ge=256, le=65536)]

    def plain(self) -> dict[str, Any]:
        """As plain data, whatever comments and order the file has."""
        return self.model_dump(mode="json", by_alias=True)


def image_dir() -> Path:
    """The folder of the recipe and of the files that go into the image."""
    return fixtures_dir() / "images" / "linux-node"


def read_recipe(folder: Path) -> Recipe:
    """Read and check the recipe in `folder`.

    Raises SourceError with all its mistakes, ConfigError when it cannot be read.
    """
    source = load_source(folder / RECIPE_NAME)
    recipe, problems = validate(Recipe, source.value, source)
    if recipe is None:
        raise SourceError(problems, again="hil lab image build")
    return recipe
