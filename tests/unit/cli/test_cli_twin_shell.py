"""`hil twin shell` without a machine: putting lines together, finding the report in a stream, names, history."""

from __future__ import annotations

import builtins
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import cli
from harness.cli import history, shellsession, twinshell
from harness.cli.shellsession import Decoder, MarkedText
from harness.cli.twinshell import Statements, byte_code
from harness.errors import ConfigError, TransportError
from harness.exits import Exit
from harness.labs.twin import needs_more
from harness.transports import clixml
from harness.transports.channel import WinRmEndpoint
from harness.transports.envelope import Output

BEGIN, END = "[hil:0123]", "[/hil:0123]"
ABOUT = {"nodes": ["NODE01", "NODE02"], "guests": ["vm001", "vm002"], "managed_guests": ["vm001"]}


def fed(statements: Statements, *lines: str) -> list[str]:
    return [found for line in lines if (found := statements.feed(line)) is not None]


def test_a_prompt_runs_a_statement_as_soon_as_it_is_whole() -> None:
    statements = Statements(needs_more, to_empty_line=False)
    assert fed(statements, "", "1 + 1", "if ($x) {", "  2", "}", "'a'") == ["1 + 1", "if ($x) {\n  2\n}", "'a'"]


@pytest.mark.parametrize(
    "lines",
    [("@'", "", "text", "'@"), ("Get-Item `", "-Path x"), ('"a', 'b"'), ("1 +", "2"), ("f |", "g"), ("<# a", "b #> 1")],
)
def test_a_prompt_asks_for_what_is_missing(lines: tuple[str, ...]) -> None:
    statements = Statements(needs_more, to_empty_line=False)
    assert fed(statements, *lines) == ["\n".join(lines)]


def test_a_pipe_reads_on_to_an_empty_line() -> None:
    statements = Statements(needs_more, to_empty_line=True)
    found = fed(statements, "1", "if ($x) {", "2 }", "else { 3 }", "", "", "function f {", "", "4", "}", "f")
    assert found == ["1", "if ($x) {\n2 }\nelse { 3 }\n"]
    assert statements.end() == "function f {\n\n4\n}\nf"
    assert statements.end() is None


def test_the_end_of_input_in_the_middle_of_a_statement_is_said() -> None:
    statements = Statements(needs_more, to_empty_line=True)
    statements.feed("if ($x) {")
    with pytest.raises(ConfigError, match=r"begins with 'if \(\$x\) \{'"):
        statements.end()


@given(
    st.text(max_size=30),
    st.text(alphabet="TrueFals|C:\\", max_size=12),
    st.text(max_size=10),
    st.lists(st.integers(1, 9)),
)
def test_a_report_is_found_however_the_stream_is_cut(before: str, report: str, after: str, cuts: list[int]) -> None:
    stream = f"{before}{BEGIN}{report}{END}\n{after}"
    marked, shown, found = MarkedText(BEGIN, END), "", []
    for size in [*cuts, len(stream)]:
        piece, stream = stream[:size], stream[size:]
        text, got = marked.feed(piece)
        shown += text
        found += [got] if got is not None else []
    assert found == [report]
    assert shown + marked.rest() == before + after


def test_what_looks_like_a_report_is_shown_when_it_is_none() -> None:
    marked = MarkedText(BEGIN, END)
    assert marked.feed("a[hil:01") == ("a", None)
    assert marked.feed("x") == ("[hil:01x", None)
    assert marked.feed("[hi") == ("", None)
    assert marked.rest() == "[hi"


def test_bytes_of_a_letter_and_of_a_line_end_may_come_apart() -> None:
    decoder = Decoder()
    raw = "é\r\nü".encode()
    assert "".join(decoder.feed(raw[at : at + 1]) for at in range(len(raw))) + decoder.rest() == "é\nü"


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 1), (7, 7), (256, 1), (300, 44), (-1, 255), (-196608, 1)])
def test_an_exit_code_fits_a_byte_and_no_failure_becomes_a_success(code: int, expected: int) -> None:
    assert byte_code(code) == expected


def test_names_of_machines_are_found_without_regard_to_case() -> None:
    assert twinshell.machine_of("twin#1", ABOUT, "node02") == "NODE02"
    assert twinshell.machine_of("twin#1", ABOUT, "VM001") == "vm001"
    with pytest.raises(ConfigError, match="did you mean 'NODE01'"):
        twinshell.machine_of("twin#1", ABOUT, "nod01")
    with pytest.raises(ConfigError, match="has no operating system"):
        twinshell.machine_of("twin#1", ABOUT, "vm002")


def test_without_a_served_lab_the_next_step_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["twin", "shell", "NODE01", "-c", "1"]) == Exit.USAGE
    said = capsys.readouterr().err
    assert "no lab is served by `hil twin serve`" in said
    assert "hil twin serve LAB" in said
    assert cli.main(["twin", "shell", "NODE01", "--lab", "twin-4node"]) == Exit.USAGE
    assert "'twin-4node' is not served" in capsys.readouterr().err


class Conversation:
    """A machine that answers a program by a script."""

    def __init__(self, *outputs: tuple[str, str, int | None]) -> None:
        self.outputs = list(outputs)
        self.sent: list[str] = []
        self.ended: list[str] = []

    def __call__(self, _endpoint: object) -> Conversation:
        return self

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, line: str) -> None:
        self.sent.append(line)

    def send(self, content: bytes, *, end: bool = False) -> None:
        self.sent.append(content.decode())

    def receive(self) -> Output | None:
        if not self.outputs:
            raise KeyboardInterrupt
        stdout, stderr, code = self.outputs.pop(0)
        if stdout == "nothing":
            return None
        return Output(stdout.encode(), stderr.encode(), code)

    def stop(self) -> None:
        self.ended.append("stop")

    def close(self) -> None:
        self.ended.append("close")


ENDPOINT = WinRmEndpoint("NODE01", "127.0.0.1", 5985, "user", "password")


def test_a_command_shows_messages_of_the_error_stream_as_a_console_does(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = (
        '#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'
        '<S S="warning">low</S><S S="Error">bad_x000D__x000A_</S><S S="verbose">v</S></Objs>'
    )
    machine = Conversation(("out\r\n", errors[:20], None), ("nothing", "", None), ("more\r\n", errors[20:], 3))
    monkeypatch.setattr(shellsession, "RemoteProgram", machine)
    out, err = io.StringIO(), io.StringIO()
    assert shellsession.run_command(ENDPOINT, "x", out.write, err.write) == 3
    assert out.getvalue() == "out\nmore\n"
    assert err.getvalue() == "WARNING: low\nbad\nVERBOSE: v\n"
    assert machine.ended == ["close"]


def test_an_interrupted_command_is_ended_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Conversation(("out\r\n", "", None))
    monkeypatch.setattr(shellsession, "RemoteProgram", machine)
    with pytest.raises(KeyboardInterrupt):
        shellsession.run_command(ENDPOINT, "x", lambda _: None, lambda _: None)
    assert machine.ended == ["stop", "close"]


def test_text_around_the_document_of_an_error_stream_is_shown() -> None:
    assert clixml.read_console("plain\r\n") == "plain\n"
    assert clixml.read_console("") == ""


def test_history_comes_back_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["Get-Item x", "Get-Item x", "", "$password = 'x'", "ConvertTo-SecureString -AsPlainText y", "gci"]
    assert history.worth_keeping(lines) == ["Get-Item x", "gci"]
    readline = pytest.importorskip("readline")
    monkeypatch.setenv("HIL_STATE", str(tmp_path))
    with history.History():
        readline.add_history("first")
        readline.add_history("$token = 1")
    assert (tmp_path / history.FILE).read_text(encoding="utf-8") == "first\n"
    assert (tmp_path / history.FILE).stat().st_mode & 0o777 == 0o600
    with history.History():
        assert readline.get_history_item(1) == "first"


class FakeSession:
    """A session that notes what it is told to run."""

    def __init__(self, *_: object) -> None:
        self.ran: list[str] = []
        self.location, self.succeeded, self.exit_code = "C:\\Users\\me", True, None

    def run(self, statement: str) -> None:
        if statement == "loop":
            raise KeyboardInterrupt
        if statement == "gone":
            raise TransportError("node 'NODE01' does not answer")
        self.ran.append(statement)
        self.exit_code = 5 if statement == "exit 5" else None

    def restart(self) -> None:
        self.ran.append("<restart>")

    def drop(self) -> None:
        self.ran.append("<drop>")

    def close(self) -> None:
        self.ran.append("<close>")


def typing(monkeypatch: pytest.MonkeyPatch, *lines: str | type[BaseException]) -> tuple[FakeSession, list[str]]:
    """A terminal where somebody types these lines; the prompts that are shown."""
    session, prompts, left = FakeSession(), list[str](), list(lines)

    def typed(prompt: str) -> str:
        prompts.append(prompt)
        line = left.pop(0)
        if isinstance(line, str):
            return line
        raise line

    monkeypatch.setattr(twinshell, "StatementSession", lambda *_: session)
    monkeypatch.setattr(builtins, "input", typed)
    return session, prompts


def test_ctrl_c_cancels_a_line_and_exit_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    session, prompts = typing(monkeypatch, "if ($x) {", KeyboardInterrupt, "1", "exit 5")
    assert twinshell.interactive(ENDPOINT) == 5
    assert session.ran == ["1", "exit 5", "<close>"]
    prompt = "PS C:\\Users\\me> "
    assert prompts == [prompt, ">> ", prompt, prompt]


def test_ctrl_c_stops_what_runs_and_ctrl_d_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session, _ = typing(monkeypatch, "loop", "gone", "2", EOFError)
    assert twinshell.interactive(ENDPOINT) == 0
    assert session.ran == ["<restart>", "<drop>", "2", "<close>"]
    said = capsys.readouterr().err
    assert "began anew" in said
    assert "does not answer" in said


def test_a_pipe_ends_with_the_code_of_its_last_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    session, _ = typing(monkeypatch)
    session.succeeded = False
    assert twinshell.piped(ENDPOINT, ["1\n", "f |\n", "g\n"]) == 1
    assert session.ran == ["1", "f |\ng", "<close>"]
    assert twinshell.piped(ENDPOINT, ["exit 5\n", "2\n"]) == 5
