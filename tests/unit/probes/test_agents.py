"""Agents as files and values: what they are told, what never shows the key, and that their texts fit their systems."""

from __future__ import annotations

import ast
import base64
import json
import re
import sys
from pathlib import Path

import pytest

from harness.azurelocal.command import Command
from harness.clock import monotonic_ns, wait_until
from harness.errors import ConfigError, HarnessError
from harness.labs.twin import read_powershell
from harness.probes.agents import AgentLook, AgentSettings, agent_text, linux, windows
from harness.probes.heartbeat import open_sink
from harness.probes.heartbeat_wire import HEAD_FIELDS, MAGIC, HeartbeatKey, guest_id
from harness.transports.powershell import MAX_INLINE_UNITS, command_line
from harness.values import Answer

KEY = HeartbeatKey.make()


def settings(**other: object) -> AgentSettings:
    return AgentSettings(**{"guest": "vm001", "host": "192.0.2.1", "port": 8514, "key": KEY} | other)  # type: ignore[arg-type]


def test_the_settings_file_says_all_that_an_agent_needs() -> None:
    told = json.loads(settings().document("the agent"))
    assert (told["guest"], told["host"], told["port"], told["period_ms"]) == (guest_id("vm001"), "192.0.2.1", 8514, 20)
    assert told["key"] == KEY.text
    assert "key" not in json.loads(settings(key=None).document("the agent"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"host": ""}, "no address"),
        ({"host": "a b"}, "no address"),
        ({"port": 0}, "no UDP port"),
        ({"port": 70_000}, "no UDP port"),
        ({"period_ms": 1}, "each 1 ms"),
        ({"period_ms": 100_000}, "each 100000 ms"),
    ],
)
def test_settings_that_no_agent_can_follow_are_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        settings(**wrong)
    assert refused.value.hint


def shown_forms(text: str) -> set[str]:
    """A text plainly, and inside of encoded commands."""
    wide = base64.b64encode(text.encode("utf-16-le")).decode().rstrip("=")
    return {text, base64.b64encode(text.encode()).decode().rstrip("="), wide[:-2]}


def test_the_script_that_carries_the_key_is_on_no_command_line() -> None:
    line, standard_input = command_line(windows.install_agent(settings()).script)
    assert standard_input is not None
    assert KEY.text in base64.b64decode(b"".join(standard_input.split())).decode()
    assert not any(form in line for form in shown_forms(KEY.text))
    assert len(line) < MAX_INLINE_UNITS


def test_a_script_that_would_be_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "agent_text", lambda _: "exit")
    monkeypatch.setattr(windows, "_INSTALL", "$x=<<folder>>,<<task>>,<<agent>>,<<settings>>\n")
    monkeypatch.setattr(windows, "_TELL", "<<folder>>,<<task>>")
    with pytest.raises(HarnessError, match="would stand on a command line"):
        windows.install_agent(settings())


def test_nothing_that_is_shown_or_journalled_holds_the_key() -> None:
    target = linux.SshTarget("vm001", "192.0.2.1", "root", password="hunter2")
    records = [windows.install_record("vm001"), linux.install_record(target)]
    shown = repr((settings(), records, target, windows.look_at_agent(), windows.remove_agent()))
    assert KEY.text not in shown
    assert "hunter2" not in shown
    assert [record["what"] for record in records] == ["agent.install"] * 2
    assert json.loads(json.dumps(records)) == records


def test_a_record_of_something_else_is_no_agent() -> None:
    with pytest.raises(ValueError, match="no record of an agent"):
        windows.undo({"what": "agent.install", "system": "linux"})
    with pytest.raises(ValueError, match="no record of an agent"):
        windows.undo({"what": "node.power_off", "system": "windows"})


@pytest.mark.parametrize(
    "command", [windows.install_agent(settings()), windows.look_at_agent(), windows.remove_agent()]
)
def test_commands_may_be_sent_again(command: Command[AgentLook]) -> None:
    assert command.repeatable


def test_looks_in_a_word() -> None:
    assert AgentLook(running=True, starts_by_itself=True, pids=(1,)).word == "running"
    assert AgentLook(running=False, starts_by_itself=False, leftovers=("folder x",)).word == "stopped"
    assert AgentLook(running=False, starts_by_itself=False).word == "absent"


# --- the agents' texts


def test_the_linux_agent_is_python_3_6_and_needs_nothing_else() -> None:
    tree = ast.parse(agent_text(linux.SCRIPT), feature_version=(3, 6))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))
    assert imported <= set(sys.stdlib_module_names)


def test_the_windows_agent_is_powershell_in_ascii() -> None:
    """Windows PowerShell 5.1 reads a file without a mark in the machine's code page."""
    text = agent_text(windows.SCRIPT)
    assert text.isascii()
    assert read_powershell(text)
    for word in ("??", "?.", "&&", "ForEach-Object -Parallel"):
        assert word not in text


def test_both_agents_write_the_documented_datagram() -> None:
    """The Windows one cannot run here: its offsets are those of the wire."""
    text = agent_text(windows.SCRIPT)
    assert f"GetBytes('{MAGIC.decode()}')" in text
    places = {int(place) for place in re.findall(r"CopyTo\(\$body, (\d+)\)", text)}
    assert places == {offset for name, offset in HEAD_FIELDS.items() if name not in ("version", "flags", "zero")}
    assert 'Struct("<4sBBHQqqqq")' in agent_text(linux.SCRIPT)


def test_the_unit_is_filled_by_what_the_installer_knows() -> None:
    assert set(re.findall(r"@[A-Z]+@", agent_text(linux.UNIT))) == {"@FOLDER@", "@PYTHON@"}


def test_an_agent_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("harness.probes.agents.settings.fixtures_dir", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"heartbeat\.ps1' cannot be read"):
        agent_text(windows.SCRIPT)


def test_the_linux_agent_counts_sends_that_nobody_hears(tmp_path: Path) -> None:
    """Nobody listens at first: the number goes on all the same, since the guest ran."""
    import subprocess

    sink = open_sink("127.0.0.1", 0, {"vm001": 5_000_000})
    port = sink.port
    sink.close()
    agent = agent_text(linux.SCRIPT)
    (tmp_path / "agent.py").write_text(agent)
    quick = AgentSettings("vm001", "127.0.0.1", port, 5)
    (tmp_path / "settings.json").write_text(quick.document(agent))
    pid_file = tmp_path / "pid"
    arguments = ["--settings", str(tmp_path / "settings.json"), "--pid-file", str(pid_file)]
    process = subprocess.Popen([sys.executable, str(tmp_path / "agent.py"), *arguments])
    try:
        wait_until(lambda: pid_file.exists() or None, within_s=20, what="the agent to begin")
        started_ns = monotonic_ns()
        wait_until(lambda: monotonic_ns() - started_ns > 200_000_000 or None, within_s=10, what="a while")
        sink = open_sink("127.0.0.1", port, {"vm001": 5_000_000})

        def heard() -> bool | None:
            sink.step(monotonic_ns())
            return sink.health.fresh >= 3 or None

        wait_until(heard, within_s=20, what="heartbeats")
        first = next(run for run in sink.runs(monotonic_ns()) if run.answer is Answer.OK)
        sink.close()
        assert first.heartbeat_first > 3
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert not pid_file.exists()
