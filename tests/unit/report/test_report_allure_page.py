"""The generated report: sealed, split by evidence class, and refused in one line where there is no Node."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.cli.program import run
from harness.errors import ConfigError, HarnessError
from harness.exits import Exit
from harness.paths import allure_package_dir
from harness.report.allure import node, page
from harness.report.allure.case import AllureCase
from harness.report.allure.folder import results_in, write_case
from harness.report.allure.page import Wish, build_report
from harness.report.allure.sealing import foreign_references, sealed
from tests.unit.report.conftest import Reports

SAMPLE = """<!DOCTYPE html>
<html><head lang="en"><title>Report</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E">
<link href="https://fonts.example/css?family=Inter" rel="stylesheet">
<script>window.allureReportOptions = {"a": "https://example.org"}</script></head>
<body><div id="app"></div>
<script src="data:text/javascript;base64,AAAA"></script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-X"></script>
<script>
    window.dataLayer = window.dataLayer || [];
    function gtag(){dataLayer.push(arguments);}
    gtag('config', 'G-X', {"report": "awesome"});
</script>
<script defer>d("a.json", "e30=")</script>
<a href="https://allurereport.example">a link for people</a>
</body></html>
"""


def test_trackers_and_foreign_files_go_and_the_rest_stays() -> None:
    page = sealed(SAMPLE)
    for gone in ("googletagmanager", "gtag", "fonts.example"):
        assert gone not in page
    for kept in ("window.allureReportOptions", "data:text/javascript", 'd("a.json"', "a link for people", "data:image"):
        assert kept in page
    assert foreign_references(page) == ()
    assert page.index("Content-Security-Policy") < page.index("<script")


def test_sealing_twice_changes_nothing() -> None:
    assert sealed(sealed(SAMPLE)) == sealed(SAMPLE)


@pytest.mark.parametrize(
    "part",
    [
        '<img src="https://x.example/a.png">',
        "<style>@font-face{src:url(//x.example/f.woff2)}</style>",
        "<style>@import 'https://x.example/a.css';</style>",
        '<iframe src="http://x.example"></iframe>',
    ],
)
def test_what_would_still_be_loaded_is_refused(part: str) -> None:
    with pytest.raises(HarnessError, match=r"would load .*x\.example"):
        sealed(SAMPLE.replace("<a ", f"{part}<a "))


def test_without_node_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"^the Allure report needs Node 20 or newer with npm; 'node' is not there$"):
        node.find_node()


def test_an_old_node_is_refused_by_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v18.1.0\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ConfigError, match=r"is v18\.1\.0"):
        node.find_node()


def test_the_lock_file_pins_everything_and_names_no_place() -> None:
    lock = json.loads((allure_package_dir() / "package-lock.json").read_text())
    wanted = json.loads((allure_package_dir() / "package.json").read_text())
    assert lock["packages"][""]["dependencies"] == wanted["dependencies"]
    packages = [value for name, value in lock["packages"].items() if name]
    assert len(packages) > 100
    assert all("resolved" not in each and each["integrity"].startswith("sha512-") for each in packages)


@pytest.fixture
def fake_allure(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Allure replaced by a page with the names of the results; remembers its settings."""
    asked: list[dict[str, object]] = []

    def generate(_node: Path, _allure: Path, results: Path, config: dict[str, object], work: Path) -> Path:
        asked.append(config)
        with Path(str(config["historyPath"])).open("a") as stream:
            stream.write(json.dumps({"name": config["name"]}) + "\n")
        made = work / "index.html"
        names = sorted(json.loads(path.read_text())["name"] for path in results.glob("*-result.json"))
        made.write_text(SAMPLE.replace("<div", f"<p>{', '.join(names)}</p><div"))
        return made

    monkeypatch.setattr(page, "find_node", lambda: Path("node"))
    monkeypatch.setattr(page, "install", lambda _say: Path("allure"))
    monkeypatch.setattr(page, "generate", generate)
    return asked


def case_of(name: str, label: str) -> AllureCase:
    return AllureCase(name, name, name, (), "passed", "", "", "", (("parentSuite", label),), (), (), 1, 2, (), ())


REHEARSAL = "rehearsal: no evidence about the product"
EVIDENCE = "evidence about the product"


def test_no_page_adds_rehearsals_to_evidence(tmp_path: Path, fake_allure: list[dict[str, object]]) -> None:
    results = tmp_path / "results"
    for name, label in (("a", REHEARSAL), ("b", EVIDENCE), ("c", "no run: no evidence")):
        write_case(results, case_of(name, label))
    pages = build_report(Wish("s", results, tmp_path / "out"), lambda _text: None)
    assert {path.name: path.read_text().split("<p>")[1].split("</p>")[0] for path in pages} == {
        "evidence.html": "b, c",
        "rehearsal.html": "a",
    }
    assert [config["name"] for config in fake_allure] == [f"s · {EVIDENCE}", f"s · {REHEARSAL}"]
    assert all("gtag" not in path.read_text() for path in pages)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["evidence.html", "rehearsal.html"]


def test_a_report_built_again_takes_its_own_place_in_the_history(
    tmp_path: Path, fake_allure: list[dict[str, object]]
) -> None:
    history = tmp_path / "history.jsonl"
    write_case(tmp_path / "results", case_of("a", REHEARSAL))
    for name in ("s1", "s2", "s1"):
        build_report(Wish(name, tmp_path / "results", tmp_path / "out", history, remember=True), lambda _text: None)
    build_report(Wish("mine", tmp_path / "results", tmp_path / "out", history), lambda _text: None)
    names = [json.loads(line)["name"] for line in history.read_text().splitlines()]
    assert names == [f"s2 · {REHEARSAL}", f"s1 · {REHEARSAL}"]
    assert len(fake_allure) == 4


def test_without_node_the_command_ends_with_4_and_the_results_are_there(
    reports: Reports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIL_REPORTS", str(reports.folder))
    monkeypatch.setenv("PATH", str(tmp_path))
    output = tmp_path / "out"
    assert run(["report", "allure", reports.run("DET-003").name, "--output", str(output)]) is Exit.USAGE
    assert "the Allure report needs Node 20 or newer with npm" in capsys.readouterr().err
    assert [document["status"] for _, document in results_in(output / "allure-results")] == ["failed"]


def test_the_command_prints_its_paths_as_json(
    reports: Reports,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fake_allure: list[dict[str, object]],
) -> None:
    monkeypatch.setenv("HIL_REPORTS", str(reports.folder))
    names = [reports.run(scenario).name for scenario in ("UPD-001", "DET-003")]
    assert run(["report", "allure", *names, "--output", str(tmp_path / "out"), "--json"]) is Exit.PASS
    said = json.loads(capsys.readouterr().out)
    assert said["pages"] == [str(tmp_path / "out" / "index.html")]
    assert "UPD-001 Solution update" in Path(said["pages"][0]).read_text()
    assert not (reports.folder / "allure-history.jsonl").exists()
    assert len(fake_allure) == 1
