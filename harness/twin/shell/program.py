"""The console programs that WinRS starts: ``powershell.exe`` and a little of ``cmd.exe``.

``ConsoleProgram(host).run(command_line, stdin, stdout, stderr)`` blocks until the program ends and gives its exit code.
Whole-program behaviour is measured ([M] recordings of a real engine, ``tests/data/pwsh-cases/process.jsonl``).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from harness.twin.shell.cmdlines import split_commands
from harness.twin.shell.commandline import split_command_line
from harness.twin.shell.console import Console
from harness.twin.shell.errors import ExitSignal, PipelineStopped, PSError
from harness.twin.shell.host import ShellHost, Writer
from harness.twin.shell.native import plain_name
from harness.twin.shell.objects import Enumerator
from harness.twin.shell.parsefailure import parse_record
from harness.twin.shell.parser import ParseResult, parse
from harness.twin.shell.runspace import Runspace
from harness.twin.shell.scriptfiles import EXITED, script_path
from harness.twin.shell.shell import run_tree

CONSOLE_WIDTH: Final = 80
"""Columns of the hidden console of WinRS in which error texts are broken: 80 on older hosts, 120 on newer [C]."""
FILE_MISSING: Final = -196608
"""Exit code of ``-File`` without such a file: 0xFFFD0000 [GK]."""
STOPPED: Final = 0xC000013A
"""Exit code of a process that was ended by Ctrl-C or a Signal ([D] STATUS_CONTROL_C_EXIT)."""
_INTERNAL: Final = frozenset(
    [
        "assoc",
        "break",
        "call",
        "cd",
        "chdir",
        "cls",
        "color",
        "copy",
        "date",
        "del",
        "dir",
        "endlocal",
        "erase",
        "for",
        "ftype",
        "goto",
        "if",
        "md",
        "mkdir",
        "mklink",
        "move",
        "path",
        "pause",
        "popd",
        "prompt",
        "pushd",
        "rd",
        "rem",
        "ren",
        "rename",
        "rmdir",
        "set",
        "setlocal",
        "shift",
        "start",
        "time",
        "title",
        "type",
        "verify",
        "vol",
    ]
)
"""Internal commands of cmd.exe ([D] Windows commands) that the twin lacks."""
_NOT_A_COMMAND: Final = (
    "'{}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
)
_SWITCHES: Final = ("noprofile", "noninteractive", "nologo", "noexit", "sta", "mta")
_VALUED: Final = (
    "executionpolicy",
    "ep",
    "inputformat",
    "outputformat",
    "windowstyle",
    "version",
    "psconsolefile",
    "configurationname",
    "ex",
)


def _nowhere(_data: bytes) -> None:
    """``nul`` of cmd.exe."""


@dataclass(slots=True)
class Options:
    """What the command line asked for."""

    mode: str = "interactive"
    text: str = ""
    encoded: bool = False
    output_xml: bool = False
    fault: str = ""
    arguments: tuple[str, ...] = ()


def read_options(words: list[str]) -> Options:
    """The command line of ``powershell.exe``, without the program's name."""
    found = Options()
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        low = word.lower().lstrip("-/") if word[:1] in "-/" else ""
        if not low and word != "-":
            found.mode, found.text = "command", " ".join(words[at - 1 :])
            return found
        if word == "-":
            found.mode = "stdin"
            return found
        if (
            "encodedcommand".startswith(low)
            and low[0] == "e"
            and low not in ("ep", "ex")
            and not "executionpolicy".startswith(low)
        ) or low in ("ec", "enc"):
            return _encoded(found, words[at] if at < len(words) else "")
        if low and "command".startswith(low):
            rest = words[at:]
            found.mode, found.text = ("stdin", "") if rest == ["-"] else ("command", " ".join(rest))
            return found
        if low and "file".startswith(low):
            return _file(found, words[at:])
        if any(one.startswith(low) for one in _SWITCHES if len(low) > 2):
            continue
        if any(one.startswith(low) for one in _VALUED):
            if "outputformat".startswith(low) and at < len(words):
                found.output_xml = words[at].lower() == "xml"
            at += 1
            continue
        found.mode, found.text = "command", " ".join(words[at - 1 :])
        return found
    return found


def _encoded(found: Options, text: str) -> Options:
    found.encoded = True
    try:
        found.mode, found.text = "command", base64.b64decode(text, validate=True).decode("utf-16-le")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        found.mode = "fault"
        found.fault = (
            "Cannot process the command because the value specified with -EncodedCommand is not properly encoded. "
            "The value must be "
            "Base64 encoded.\r\n"
        )
    return found


def _file(found: Options, rest: list[str]) -> Options:
    if rest[:1] == ["-"]:
        found.mode = "stdin"
    elif rest:
        found.mode, found.text, found.arguments = "file", rest[0], tuple(rest[1:])
    return found


class ConsoleProgram:
    """Starts programs on a machine. One instance per process: it holds the session."""

    def __init__(self, host: ShellHost, width: int = CONSOLE_WIDTH, codepage: int = 65001) -> None:
        self.host = host
        self.width = width
        self.encoding = "utf-8" if codepage == 65001 else f"cp{codepage}"
        self._runspace: Runspace | None = None
        self._stopped = False

    def stop(self) -> None:
        """Ask the program to end (a Signal of the shell); may be called from any thread.

        A loop ends at its next turn; a waiting command ends when the host's ``wait`` raises ``PipelineStopped``.
        """
        self._stopped = True
        if self._runspace is not None:
            self._runspace.stopping = True

    def run(self, command_line: str, stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
        """Run a command line to its end; gives the exit code (32 bits, negative ones as on Windows)."""
        words = split_command_line(command_line)
        if not words:
            return 0
        name = plain_name(words[0])
        if name == "powershell":
            return self._powershell(read_options(words[1:]), stdin, stdout, stderr)
        if name == "cmd":
            return self._cmd(command_line, words[1:], stdin, stdout, stderr)
        return self._builtin(command_line, words, stdin, stdout, stderr)

    # ----------------------------------------------------------------------------------------------------- cmd

    def _cmd(self, line: str, words: list[str], stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
        for word in words:
            if word.lower() in ("/c", "/k"):
                position = line.lower().find(word.lower(), line.find(" "))
                rest = line[position + 2 :].strip()
                if rest.startswith('"') and rest.count('"') > 1:  # [D] cmd.exe takes off the first and the last quote
                    inner, _, tail = rest[1:].rpartition('"')
                    rest = inner + tail
                return self._cmd_line(rest, stdin, stdout, stderr)
        return 0

    def _cmd_line(self, line: str, stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
        """The commands of a line, one after another; the exit code of the last that ran."""
        try:
            commands = split_commands(line)
        except ValueError as part:
            stderr(f"twin limitation: '{part}' in a command line of cmd.exe is not simulated\r\n".encode())
            return 1
        code = 0
        for command in commands:
            if not command.runs_after(code):
                continue
            out = _nowhere if command.quiet else stdout
            code = self.run(
                command.line.strip(), stdin, out, out if command.merged else _nowhere if command.silent else stderr
            )
            if command.line.split()[:1] == ["exit"]:
                break
        return code

    def _builtin(self, line: str, words: list[str], stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
        low = words[0].lower()
        if low == "ver":
            stdout(f"\r\nMicrosoft Windows [Version {self.host.os_version}]\r\n".encode())
            return 0
        if low == "echo":
            stdout((line.strip()[4:].lstrip() + "\r\n").encode())
            return 0
        if low == "hostname":
            stdout(f"{self.host.computer_name}\r\n".encode())
            return 0
        if low == "exit":
            return int(words[1]) if len(words) > 1 and words[1].lstrip("-").isdigit() else 0
        program = self.host.programs.get(plain_name(low))
        if program is not None:
            return program(words, stdin, stdout, stderr)
        if low in _INTERNAL:
            stderr(f"twin limitation: the command '{words[0]}' of cmd.exe is not simulated\r\n".encode())
            return 1
        stderr(_NOT_A_COMMAND.format(words[0]).encode())
        return 1

    # ---------------------------------------------------------------------------------------------- powershell

    def _powershell(self, options: Options, stdin: IO[bytes], stdout: Writer, stderr: Writer) -> int:
        if options.mode == "fault":
            stderr(options.fault.encode())
            return 1
        console = Console(self.host, stdout, stderr, self.width, options.encoded, options.output_xml, self.encoding)
        rs = console.runspace
        rs.stopping = self._stopped
        self._runspace = rs
        try:
            if options.mode == "command":
                return self._command(console, options.text, stdin)
            if options.mode == "file":
                return _script_file(console, options.text, options.arguments)
            return self._statements(console, stdin)
        except PipelineStopped:
            return STOPPED - 2**32
        finally:
            rs.frames = []
            console.close()

    def _command(self, console: Console, text: str, stdin: IO[bytes]) -> int:
        result = parse(text)
        if result.errors:
            console.show_error(parse_record(result))
            return 1
        if "$input" in text.lower():
            lines = stdin.read().decode(self.encoding, "replace").splitlines()
            console.runspace.global_scope.put("input", Enumerator(lines))
        return run_once(console, result)

    def _statements(self, console: Console, stdin: IO[bytes]) -> int:
        """Statements one by one, as if typed; an open block goes on to the next blank line."""
        code = 0
        pending: list[str] = []
        while True:
            raw = stdin.readline()
            line = raw.decode(self.encoding, "replace").rstrip("\r\n")
            if pending:
                if raw and line.strip():
                    pending.append(line)
                    continue
                text = "\n".join(pending)
                result = parse(text)
                if any(error.incomplete for error in result.errors):
                    if not raw:
                        return code
                    pending.append(line)
                    continue
                if not raw:
                    return code
                pending = []
            elif not raw:
                return code
            else:
                if not line.strip():
                    continue
                result = parse(line)
                if _open(line, result):
                    pending = [line]
                    continue
            if result.errors:
                console.show_error(parse_record(result))
                console.runspace.ok = False
                code = 1
                continue
            code, over = run_statement(console, result)
            if over:
                return code


def _script_file(console: Console, path: str, arguments: Sequence[str]) -> int:
    """``-File``: a script of the machine's files; the words after it are names and texts, never expressions."""
    rs = console.runspace
    found = script_path(rs, path if "\\" in path or "/" in path else f".\\{path}")
    if not found:
        console.write_error_text(
            f"The argument '{path}' to the -File parameter does not exist. Provide the path to an existing '.ps1' file "
            "as an argument to the -File parameter.\n"
        )
        return FILE_MISSING
    words = [word if re.match(r"^-[A-Za-z_]\w*:?$", word) else quoted(word) for word in arguments]
    code, _ = run_statement(console, parse(" ".join(["&", quoted(found), *words])))
    ended = rs.global_scope.value(EXITED)
    return ended if isinstance(ended, int) else code


def quoted(text: str) -> str:
    """A text in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def _open(line: str, result: ParseResult) -> bool:
    return any(error.incomplete for error in result.errors) or line.rstrip().endswith("`")


def _exit_code(signal: ExitSignal) -> int:
    code = signal.code & 0xFFFFFFFF
    return code - 2**32 if code >= 2**31 else code


def run_statement(console: Console, result: ParseResult) -> tuple[int, bool]:
    """One typed text: its exit code, and whether it ended the program."""
    rs: Runspace = console.runspace
    try:
        run_tree(rs, result, console.feed)
    except ExitSignal as signal:
        console.finish_output()
        return _exit_code(signal), True
    except PSError as error:
        console.finish_output()
        rs.remember(error.record)
        console.show_error(error.record)
        rs.ok = False
        return 1, False
    console.finish_output()
    return (0 if rs.ok else 1), False


def run_once(console: Console, result: ParseResult) -> int:
    """A whole text: the exit code of the program."""
    return run_statement(console, result)[0]
