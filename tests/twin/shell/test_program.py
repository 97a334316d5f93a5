"""The console program as WinRS starts it."""

from __future__ import annotations

import base64
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.twin.conformance.running import CaseHost
from harness.twin.shell.commandline import split_command_line
from harness.twin.shell.program import ConsoleProgram


def start(line: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    out, err = io.BytesIO(), io.BytesIO()

    def write_out(data: bytes) -> None:
        out.write(data)

    def write_err(data: bytes) -> None:
        err.write(data)

    code = ConsoleProgram(CaseHost()).run(line, io.BytesIO(stdin), write_out, write_err)
    return code, out.getvalue(), err.getvalue()


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode("ascii")


def test_encoded_command_as_pywinrm_sends_it() -> None:
    assert start(f"powershell -encodedcommand {encoded('1+1')}") == (0, b"2\r\n", b"")


def test_error_of_an_encoded_command_is_clixml() -> None:
    code, out, err = start(f"powershell.exe -NoProfile -ExecutionPolicy Bypass -enc {encoded('throw 1')}")
    assert (code, out) == (1, b"")
    assert err.startswith(b'#< CLIXML\r\n<Objs Version="1.1.0.1"') and b'<S S="Error">1_x000D__x000A_</S>' in err


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("exit -1", -1), ("'a'", 0)])
def test_exit_codes_have_32_bits(script: str, code: int) -> None:
    assert start(f'powershell -Command "{script}"')[0] == code


def test_unknown_program_is_refused_as_cmd_does() -> None:
    code, out, err = start("nope /x")
    assert (code, out) == (1, b"")
    assert err == b"'nope' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"


def test_cmd_runs_its_line() -> None:
    assert start("cmd /c echo hi there") == (0, b"hi there\r\n", b"")
    assert b"Microsoft Windows [Version " in start("cmd.exe /c ver")[1]


def test_statements_from_standard_input_keep_their_state() -> None:
    stdin = b"$x = 20\nif ($x) {\n$x + 1\n}\n\n'--' + $?\n"
    assert start("powershell.exe -NoProfile -NonInteractive -Command -", stdin) == (0, b"21\r\n--True\r\n", b"")


def test_bad_encoding_is_refused() -> None:
    code, _, err = start("powershell -EncodedCommand %%%")
    assert code == 1 and b"not properly encoded" in err


@given(st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\'), min_size=1)))
def test_plain_words_survive_a_command_line(words: list[str]) -> None:
    assert split_command_line(" ".join(words)) == words


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_quoted_word_survives_a_command_line(word: str) -> None:
    quoted, backslashes = '"', 0
    for letter in word:
        if letter == "\\":
            backslashes += 1
            continue
        quoted += "\\" * (backslashes * 2 + 1 if letter == '"' else backslashes) + letter
        backslashes = 0
    quoted += "\\" * (backslashes * 2) + '"'
    assert split_command_line(f"x {quoted}") == ["x", word]


def test_endless_loop_can_be_stopped() -> None:
    program = ConsoleProgram(CaseHost())
    seen: list[bytes] = []

    def stop_at_first(data: bytes) -> None:
        seen.append(data)
        program.stop()

    code = program.run("powershell -Command while (1) { 'x' }", io.BytesIO(), stop_at_first, stop_at_first)
    assert code == -1073741510
    assert seen[0] == b"x\r\n"


def test_output_is_in_the_code_page_of_the_shell() -> None:
    out = io.BytesIO()

    def write(data: bytes) -> None:
        out.write(data)

    ConsoleProgram(CaseHost(), codepage=437).run(f"powershell -enc {encoded('[char]0xe9')}", io.BytesIO(), write, write)
    assert out.getvalue() == b"\x82\r\n"
