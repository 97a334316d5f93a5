"""A process of ours on one side of a bed that is told its work in one line and says when it is ready."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from harness.errors import LabError

READY: Final = "ready\n"
_END_WITHIN_S: Final = 10


@dataclass(frozen=True, slots=True)
class Child:
    """The process with its input and output."""

    process: subprocess.Popen[str]
    commands: IO[str]
    answers: IO[str]


@contextmanager
def ready_child(command: Sequence[str], work: Mapping[str, Any], what: str) -> Iterator[Child]:
    """`command` at `work`, ready when the block begins; its input ends with the block, and soon after it itself.

    Raises LabError when it does not come so far; `what` is its name in the message.
    """
    with subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        commands, answers = process.stdin, process.stdout
        if commands is None or answers is None:
            raise ValueError("the process has no pipes")
        try:
            commands.write(json.dumps(work) + "\n")
            commands.flush()
            if (line := answers.readline()) != READY:
                raise LabError(f"the {what} did not start; it said {line!r}")
            yield Child(process, commands, answers)
        finally:
            with suppress(BrokenPipeError):
                commands.close()
            try:
                process.wait(_END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
