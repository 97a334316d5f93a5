"""House rules that no linter knows.  Each failure names the file and says what to do."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

MAX_LINES = 600
HAND_WRITTEN = {".py", ".sh", ".md", ".toml", ".yaml", ".yml", ".j2", ".html", ".css", ".js", ".mjs", ""}
DATA_FOLDERS = {"fixtures", "LICENSE"}
GENERATED = {Path("docs/reference/cmdlets.md"), Path("docs/reference/conformance.md")}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "info", "data", "common", "misc"}
CLOCK_CALLS = re.compile(r"\btime\.(sleep|time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns)\(")
NOW_CALLS = re.compile(r"\b(datetime|date)\.(now|utcnow|today)\(")
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b|NotImplemented" + "Error")
# Written in pieces, so that this file passes its own test.
REGISTRIES = ("pypi" + ".org", "python" + "hosted", "npm" + "js", "crates" + ".io", "proxy.golang" + ".org")
MACHINE_PATHS = re.compile(r"(?<![\w.>$}-])/(" + "|".join(("ro" + "ot", "wo" + "rk", "ho" + "me")) + r")/")
MAY_NAME_PATHS = {"LICENSE"}
TWIN_MAY_IMPORT = {"simpy", "spnego", "cryptography", "yaml", "asyncssh"}
DISTRIBUTION = {
    "_pytest": "pytest",
    "allure": "allure-pytest",
    "allure_commons": "allure-pytest",
    "allure_pytest": "allure-pytest",
    "execnet": "pytest-xdist",
    "pluggy": "pytest",
    "pydantic_core": "pydantic",
    "requests": "pywinrm",
    "requests_ntlm": "pywinrm",
    "spnego": "pyspnego",
    "urllib3": "pywinrm",
    "winrm": "pywinrm",
    "xdist": "pytest-xdist",
    "xmltodict": "pywinrm",
    "yaml": "pyyaml",
    "requests_credssp": "requests-credssp",
}
"""Import name → the declared distribution that brings it, where the two differ."""
TEXT_LIMIT_BYTES = 2_000_000


def text_of(path: Path) -> str:
    if path.stat().st_size > TEXT_LIMIT_BYTES:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def matches(paths: list[Path], pattern: re.Pattern[str], checkout: Path) -> list[str]:
    return [
        f"{path.relative_to(checkout)}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def package(paths: list[Path], checkout: Path, folder: str = "harness") -> list[Path]:
    return [path for path in paths if path.suffix == ".py" and path.is_relative_to(checkout / folder)]


def imported(path: Path) -> Iterator[str]:
    """Top-level names of what a module imports absolutely."""
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_no_file_is_too_long_to_read(tracked: list[Path], checkout: Path) -> None:
    long = {
        str(path.relative_to(checkout)): lines
        for path in tracked
        if path.suffix in HAND_WRITTEN and path.relative_to(checkout).parts[0] not in DATA_FOLDERS
        if path.relative_to(checkout) not in GENERATED
        if (lines := text_of(path).count("\n")) > MAX_LINES
    }
    assert not long, f"split these by idea; the limit is {MAX_LINES} lines"


def test_modules_are_named_after_one_idea(tracked: list[Path], checkout: Path) -> None:
    vague = [str(path.relative_to(checkout)) for path in package(tracked, checkout) if path.stem in FORBIDDEN_NAMES]
    assert not vague, "name each module after the thing it is about"


def test_only_the_clock_knows_the_time(tracked: list[Path], checkout: Path) -> None:
    modules = [path for path in package(tracked, checkout) if path.name != "clock.py"]
    assert not matches(modules, CLOCK_CALLS, checkout), "use harness.clock (in the twin: its own clock)"
    assert not matches(modules, NOW_CALLS, checkout), "use harness.clock (in the twin: its own clock)"


def test_nothing_is_left_unfinished(tracked: list[Path], checkout: Path) -> None:
    assert not matches(package(tracked, checkout), UNFINISHED, checkout), "finish it, or leave it out"


@pytest.mark.parametrize("registry", REGISTRIES)
def test_no_registry_is_named(tracked: list[Path], checkout: Path, registry: str) -> None:
    found = matches(tracked, re.compile(re.escape(registry)), checkout)
    assert not found, "a site may use a mirror: leave the choice to its pip and npm configuration"


def test_no_path_of_somebodys_machine(tracked: list[Path], checkout: Path) -> None:
    ours = [path for path in tracked if path.name not in MAY_NAME_PATHS and "fixtures" not in path.parts]
    assert not matches(ours, MACHINE_PATHS, checkout), "use harness.paths, a relative path or an environment variable"


def test_every_import_is_a_declared_dependency(tracked: list[Path], checkout: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=\[ ]", line)[0].lower() for line in project["dependencies"]}
    unknown = {
        f"{path.relative_to(checkout)}: {name}"
        for path in package(tracked, checkout)
        for name in imported(path)
        if name not in sys.stdlib_module_names | {"harness", "libvirt", "libvirt_qemu"}
        and DISTRIBUTION.get(name, name).lower() not in declared
        and not (path.parent.name == "peers" and name in project["optional-dependencies"]["bench"])
    }
    assert not unknown, "add it to pyproject.toml, requirements/run.in and docs/explanation/dependencies.md, or drop it"


def test_the_twin_stands_on_few_libraries(tracked: list[Path], checkout: Path) -> None:
    foreign = {
        f"{path.relative_to(checkout)}: {name}"
        for path in package(tracked, checkout, "harness/twin")
        for name in imported(path)
        if name not in sys.stdlib_module_names | TWIN_MAY_IMPORT | {"harness"}
    }
    assert not foreign


def test_requirements_say_what_the_project_says(checkout: Path) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    expected = {
        "run": project["dependencies"],
        "dev": project["optional-dependencies"]["dev"],
        "nested": project["optional-dependencies"]["nested"],
        "bench": project["optional-dependencies"]["bench"],
    }
    for layer, lines in expected.items():
        text = (checkout / "requirements" / f"{layer}.in").read_text(encoding="utf-8")
        asked = {line for line in text.splitlines() if line and not line.startswith(("#", "-c"))}
        assert asked == set(lines), f"requirements/{layer}.in and pyproject.toml differ"


@pytest.mark.parametrize("layer", ["run", "dev", "bench", "nested", "nested-build"])
def test_every_requirement_is_pinned_and_hashed(checkout: Path, layer: str) -> None:
    folder = checkout / "requirements"
    logical = (folder / f"{layer}.txt").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    packages = [line for line in logical if line.strip() and not line.strip().startswith("#")]
    assert packages
    for line in packages:
        assert re.match(r"[\w.-]+==\S+ ", line), f"not pinned: {line[:60]}"
        assert "--hash=sha256:" in line, f"not hashed: {line[:60]}"
        assert "://" not in line
    names = {re.split(r"[=\s]", line)[0].lower().replace("_", "-") for line in packages}
    direct = {
        re.split(r"[<>=\[]", line)[0].lower()
        for line in (folder / f"{layer}.in").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "-c"))
    }
    assert direct <= names, f"refresh requirements/{layer}.txt: docs/howto/refresh-requirements.md"


def test_every_dependency_is_justified(checkout: Path) -> None:
    page = (checkout / "docs" / "explanation" / "dependencies.md").read_text(encoding="utf-8").lower()
    for layer in ("run", "dev", "bench", "nested", "nested-build"):
        for line in (checkout / "requirements" / f"{layer}.in").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-c")):
                name = re.split(r"[<>=\[]", line)[0].lower()
                assert f"`{name}`" in page, f"docs/explanation/dependencies.md does not say why {name}"


def test_nested_tests_are_where_their_tier_looks(tracked: list[Path], checkout: Path) -> None:
    files = [path for path in tracked if path.name.startswith("test_")]
    marked = {
        path for path in files if re.search(r"^(pytestmark = \[?|@|    )pytest\.mark\.nested\b", text_of(path), re.M)
    }
    below = {path for path in files if path.is_relative_to(checkout / "tests" / "nested")}
    assert below
    assert marked == below, "`hil test --nested` collects tests/nested only, and there only what is marked"


def test_changelog_fragments_have_a_kind(checkout: Path) -> None:
    kinds = {"added", "changed", "fixed", "removed", "security"}
    for path in (checkout / "changelog.d").iterdir():
        if path.name == "README.md":
            continue
        assert re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(sorted(kinds))})\.md", path.name), (
            f"rename {path.name}: see README"
        )
        assert path.read_text(encoding="utf-8").strip(), f"{path.name} is empty"
