"""Which files the node service consists of."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.labs.nested.image.closure import import_closure, with_foreign
from harness.paths import root


def tree(top: Path, **files: str) -> Path:
    """Modules below `top`, named with `__` for a dot; `…__init` is a package."""
    for name, text in files.items():
        path = top.joinpath(*name.split("__"))
        path = path.with_name("__init__.py") if path.name == "init" else path.with_name(f"{path.name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


def closure(top: Path, module: str = "harness.service") -> set[str]:
    return set(import_closure(module, top).files)


def test_packages_above_come_along(tmp_path: Path) -> None:
    top = tree(tmp_path, harness__init="", harness__deep__init="import harness.other", harness__deep__service="")
    tree(top, harness__other="", harness__unused="")
    found = closure(top, "harness.deep.service")
    assert found == {
        "harness/__init__.py",
        "harness/deep/__init__.py",
        "harness/deep/service.py",
        "harness/other.py",
    }


@pytest.mark.parametrize(
    "line",
    [
        "import harness.wire.a",
        "import harness.wire.a as b, os",
        "from harness.wire import a",
        "from harness.wire.a import something",
        "from .wire import a",
        "from .wire.a import something",
        "from . import wire\nfrom .wire import a",
        "def later():\n    from harness.wire import a",
        "try:\n    import harness.wire.a\nexcept ImportError:\n    pass",
    ],
)
def test_every_way_to_import_is_followed(tmp_path: Path, line: str) -> None:
    top = tree(tmp_path, harness__init="", harness__service=line, harness__wire__init="", harness__wire__a="")
    assert closure(top) >= {"harness/wire/__init__.py", "harness/wire/a.py", "harness/service.py"}


def test_relative_imports_of_a_package_begin_at_itself(tmp_path: Path) -> None:
    top = tree(
        tmp_path, harness__init="", harness__service="import harness.wire", harness__wire__init="from .a import x"
    )
    tree(top, harness__wire__a="from ..below import y", harness__below="", harness__a="")
    assert closure(top) == {
        "harness/__init__.py",
        "harness/service.py",
        "harness/wire/__init__.py",
        "harness/wire/a.py",
        "harness/below.py",
    }


def test_modules_that_import_each_other_end(tmp_path: Path) -> None:
    top = tree(tmp_path, harness__init="", harness__service="import harness.a", harness__a="import harness.service")
    assert closure(top) == {"harness/__init__.py", "harness/service.py", "harness/a.py"}


def test_what_is_no_module_is_no_file(tmp_path: Path) -> None:
    top = tree(tmp_path, harness__init="NAME = 1", harness__service="from harness import NAME")
    assert closure(top) == {"harness/__init__.py", "harness/service.py"}


def test_a_missing_module_names_who_wants_it(tmp_path: Path) -> None:
    top = tree(tmp_path, harness__init="", harness__service="import harness.gone")
    with pytest.raises(ConfigError, match=r"'harness\.gone' is missing, which harness/service\.py imports"):
        closure(top)


def test_a_file_that_is_no_python_is_named(tmp_path: Path) -> None:
    top = tree(tmp_path, harness__init="", harness__service="def (")
    with pytest.raises(ConfigError, match=r"service\.py' is no Python"):
        closure(top)


def test_packages_of_others_are_those_imported_at_once(tmp_path: Path) -> None:
    text = "import json\nimport spnego.channel\nfrom cryptography import x509\nfrom . import a\nimport harness\n"
    text += "def later():\n    import libvirt\n"
    top = tree(tmp_path, harness__init="", harness__a="", harness__service=text)
    found = import_closure("harness.service", top).foreign
    assert found == {"spnego": "harness/service.py", "cryptography": "harness/service.py"}


def test_given_files_keep_their_names(tmp_path: Path) -> None:
    other = tmp_path / "stand-in.py"
    other.write_text("import yaml")
    code = with_foreign({"harness/service.py": other, "harness/data.txt": tmp_path / "nothing.txt"})
    assert code.files["harness/service.py"] == other
    assert code.foreign == {"yaml": "harness/service.py"}


def test_the_wire_of_this_checkout_is_closed() -> None:
    code = import_closure("harness.twin.wire.server", root())
    assert "harness/twin/wire/endpoint.py" in code.files
    assert not [name for name in code.files if name.startswith(("harness/twin/model", "harness/labs", "harness/cli"))]
    assert set(code.foreign) <= {"cryptography"}, "what the node image must have"
