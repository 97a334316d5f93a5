"""The answer file of a Windows node."""

from __future__ import annotations

import base64
from xml.etree import ElementTree as ET

import pytest

from harness.errors import ConfigError
from harness.labs.nested.windows import SECRET_PLACE, STOP_RULE, Answers, answer_faults, answer_file, with_secret

UNATTEND = "{urn:schemas-microsoft-com:unattend}"


def test_complete_and_without_a_secret() -> None:
    text = answer_file(Answers("NODE01", locale="de-DE"))
    assert answer_faults(text) == []
    assert text.count(SECRET_PLACE) == 2
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert [one.text for one in root.iter(f"{UNATTEND}ComputerName")] == ["NODE01"]
    assert {one.text for one in root.iter(f"{UNATTEND}UserLocale")} == {"de-DE"}
    lines = [one.text or "" for one in root.iter(f"{UNATTEND}CommandLine")]
    assert any("-Transport HTTPS" in line for line in lines)
    assert all(len(line) <= 1024 for line in lines), "Windows Setup cuts longer ones"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("</unattend>", "", "not well-formed"),
        ("Microsoft-Windows-International-Core-WinPE", "Other", "windowsPE lacks"),
        ('pass="specialize"', 'pass="generalize"', "specialize lacks"),
    ],
)
def test_what_is_missing_is_found(old: str, new: str, fault: str) -> None:
    faults = answer_faults(answer_file(Answers("NODE01")).replace(old, new))
    assert faults
    assert fault in faults[0]


def test_the_secret_is_hidden_as_windows_tools_do() -> None:
    text = with_secret(answer_file(Answers("NODE01")), "p&ss<word")
    assert SECRET_PLACE not in text
    assert "p&ss" not in text
    assert answer_faults(text) == []
    root = ET.fromstring(text)  # noqa: S314 - our own
    for element in ("AdministratorPassword", "Password"):
        found = root.find(f".//{UNATTEND}{element}/{UNATTEND}Value")
        assert found is not None
        assert base64.b64decode(found.text or "").decode("utf-16-le") == f"p&ss<word{element}"


@pytest.mark.parametrize("name", ["", "-node", "node_1", "12345", "a-name-too-long1"])
def test_names_that_windows_refuses(name: str) -> None:
    with pytest.raises(ConfigError):
        Answers(name)


def test_the_stop_rule_tells_when_to_give_up() -> None:
    assert "Stop when" in STOP_RULE
