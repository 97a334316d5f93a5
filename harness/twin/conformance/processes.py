"""Starts of the console program against their recordings."""

from __future__ import annotations

import base64
import io
import re
from typing import Final

from harness.twin.conformance.cases import Case
from harness.twin.conformance.running import CaseHost
from harness.twin.shell.program import ConsoleProgram

ASPECTS: Final = ("exit_code", "stdout", "stderr")
"""What is compared of a start, in this order."""
_MASK: Final = re.compile("<(?:time|user|computer|number)>")
_ASSEMBLY: Final = re.compile(r", (?:System\.Private\.CoreLib|mscorlib|System\.Management\.Automation), [^\]<]*(?=\])")
_ENCODED: Final = "<base64 of> "


def process_differences(row: Case) -> dict[str, str]:
    """Aspect → how a start differs from its recording; the recording machine kept only eight bits of the exit code."""
    code, out, err = run_process(row)
    wrong = {}
    if code & 0xFF != row["rc"]:
        wrong["exit_code"] = f"want {row['rc']} have {code}"
    if out != row["stdout"]:
        wrong["stdout"] = f"want {row['stdout']!r} have {out!r}"
    if not _agrees(row["stderr"].replace("_x000D_", ""), err):
        wrong["stderr"] = f"want {row['stderr']!r} have {err!r}"
    return wrong


def _agrees(want: str, have: str) -> bool:
    """Whether two texts are the same but for what the recording masked and the assemblies of generic classes."""
    pieces = [re.escape(piece) for piece in _MASK.split(_ASSEMBLY.sub("", want))]
    return re.fullmatch("[^<]*".join(pieces), _ASSEMBLY.sub("", have)) is not None


def run_process(row: Case) -> tuple[int, str, str]:
    """One start of the console program: exit code, stdout, stderr, line ends as LF."""
    out, err = io.BytesIO(), io.BytesIO()
    program = ConsoleProgram(CaseHost())
    code = program.run(
        " ".join(["powershell.exe -NoProfile", *map(_quoted, row["args"])]),
        io.BytesIO((row["stdin"] or "").encode()),
        lambda data: _void(out.write(data)),
        lambda data: _void(err.write(data)),
    )
    return code, _plain(out), _plain(err).replace("_x000D_", "")


def _quoted(argument: str) -> str:
    if argument.startswith(_ENCODED):
        argument = base64.b64encode(argument.removeprefix(_ENCODED).encode("utf-16-le")).decode()
    return '"' + re.sub(r'(\\*)"', r'\1\1\\"', argument) + '"'


def _plain(stream: io.BytesIO) -> str:
    return stream.getvalue().decode().replace("\r\n", "\n")


def _void(_count: int) -> None:
    """For writers that count."""
