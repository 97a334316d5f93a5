"""A password that the product tells back, in any form: nowhere in what a run writes, nor in what is made from it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.azurelocal.cluster import observe_cluster
from harness.azurelocal.conditions import GROUPS
from harness.errors import ProductError, TransportError
from harness.report.allure.build import case_of_folder
from harness.report.allure.folder import write_case
from harness.report.run import write_report
from harness.testing.lab import ScriptedLab
from harness.testing.update import ScriptedUpdate
from harness.transports.replies import Json

if TYPE_CHECKING:
    from tests.unit.run.conftest import Build

SECRET = 'Pa"ss&wörd-4711!'
WIDE = base64.b64encode(f"net use x: {SECRET}".encode("utf-16-le")).decode()
"""As PowerShell's -EncodedCommand carries it."""
BASIC = base64.b64encode(f"hil:{SECRET}".encode()).decode()
"""As Basic authentication carries it."""
TOLD = f"HTTP 500 for 'hil' with {SECRET}: powershell -EncodedCommand {WIDE} (Authorization: Basic {BASIC})"


def forms() -> Iterator[bytes]:
    """What must not be found: stems that stand in every disguise, whatever is escaped around them."""
    for text in ("wörd-4711", "w\\u00f6rd-4711", WIDE[24:-8], BASIC[8:-4]):
        yield text.encode()
        yield text.encode("utf-16-le")
    yield SECRET.encode().hex().encode()


@pytest.mark.parametrize("known", [True, False], ids=["known", "control"])
def test_a_password_in_answers_and_errors_is_written_nowhere(build: Build, tmp_path: Path, known: bool) -> None:
    """Control: with a redactor that does not know the password, each form is found, so the search is able to find."""
    lab = ScriptedLab()
    update = ScriptedUpdate(lab, fails={1: "NODE02"})
    update.error = TOLD
    tell = lab.answers[observe_cluster().script]

    def refuse(node: str) -> Json:
        raise ProductError(TOLD, hint="")

    def hang_up(node: str) -> Json:
        if node == "NODE03":
            raise TransportError(TOLD, hint="")
        return tell(node)

    lab.answers[GROUPS.script] = refuse
    lab.answers[observe_cluster().script] = hang_up
    lab.do_at(60, lambda: lab.jobs.append(TOLD))
    rig = build(lab=lab, update=update, guides="{expect: [upd-arb-offline], within: 2h}")
    if known:
        rig.redactor.register(SECRET)
    rig.attempt()
    write_report(rig.folder)
    write_case(tmp_path / "allure-results", case_of_folder(rig.folder))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"journal.jsonl", "results.json", "index.html", "timeline.csv"} <= {path.name for path in files}
    assert any(path.parent.name == "evidence" for path in files)
    assert any(path.parent.name == "allure-results" for path in files)
    found = {form for path in files for form in forms() if form in path.read_bytes()}
    if known:
        assert not found
        assert any(b"***" in path.read_bytes() for path in files if path.parent.name == "allure-results")
    else:
        assert {"wörd-4711".encode(), WIDE[24:-8].encode(), BASIC[8:-4].encode()} <= found
