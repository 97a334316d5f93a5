"""Documentation that runs: links lead somewhere, and shell blocks under `<!-- run -->` succeed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^<!-- run(?: exit=(\d+))? -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
BLOCK_LIMIT_S = 60
PAGES = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
BLOCKS = [
    pytest.param(block[2], int(block[1] or 0), id=f"{page.relative_to(CHECKOUT)}:{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), start=1)
]
# In the block, `./hil` is a shell function: the same program without the start-up script, which has its own tests.
PRELUDE = 'set -e\nfunction ./hil { "$HIL_TEST_PYTHON" -P -m harness.cli "$@"; }\n'


@pytest.mark.skipif(shutil.which("bash") is None, reason="the blocks need bash for a function named ./hil")
@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_a_block_does_what_the_page_says(block: str, expected: int, tmp_path: Path) -> None:
    settings = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "HIL_TEST_PYTHON": sys.executable,
        "HIL_STATE": str(tmp_path / "state"),
        "HIL_REPORTS": str(tmp_path / "reports"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", PRELUDE + block],
        cwd=CHECKOUT,
        env=settings,
        capture_output=True,
        text=True,
        timeout=BLOCK_LIMIT_S,
    )
    assert done.returncode == expected, f"{block}\n{done.stdout}\n{done.stderr}"


def test_some_blocks_run() -> None:
    assert BLOCKS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = [target for target in LINK.findall(text) if not (page.parent / target).exists()]
    assert not broken


def test_every_page_is_in_the_index() -> None:
    index = (CHECKOUT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(CHECKOUT / "docs" / target).resolve() for target in LINK.findall(index)}
    pages = {page for page in (CHECKOUT / "docs").rglob("*.md") if page.name != "README.md"}
    assert {str(page.relative_to(CHECKOUT)) for page in pages - linked} == set()
