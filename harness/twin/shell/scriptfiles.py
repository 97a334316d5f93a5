"""Script files: ``& C:\\x.ps1``, ``. .\\x.ps1``, ``powershell -File`` ([D] about_Scripts).

A script is called by a path; its name alone is no command, even where the session stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harness.twin.shell.arguments import Argument
from harness.twin.shell.compiler import compile_tree
from harness.twin.shell.errors import ExitSignal, Invocation
from harness.twin.shell.frame import Frame, Streams
from harness.twin.shell.lookup import Target
from harness.twin.shell.parsefailure import parse_failure
from harness.twin.shell.parser import parse
from harness.twin.shell.processors import Processor, ScriptProcessor
from harness.twin.shell.runspace import Runspace
from harness.twin.shell.scope import Scope, Variable
from harness.twin.shell.scriptblock import Run, ScriptBlock
from harness.twin.shell.storage import absolute, storage_of, text_of

SCRIPT: Final = "ExternalScript"
EXITED: Final = "__exited__"
"""Variable of the session: the code of the last script that ended by ``exit``."""
_PLACES: Final = ("PSScriptRoot", "PSCommandPath")


def script_path(rs: Runspace, name: str) -> str:
    """The script file that a command word means; empty when it means none."""
    if not re.search(r"[\\/]", name):
        return ""
    whole = absolute(name, rs.location)
    for path in (whole, f"{whole}.ps1"):
        if path.lower().endswith(".ps1") and storage_of(rs).kind(path) == "file":
            return path
    return ""


def load_script(rs: Runspace, path: str) -> ScriptBlock:
    """The script in a file. Raises ``PSError`` for a text that does not parse."""
    result = parse(text_of(storage_of(rs).read(path), "cp1252"), path)
    if result.errors:
        raise parse_failure(result)
    block = compile_tree(result.script)
    return ScriptBlock(block.ast, lambda: block.body)


def script_target(rs: Runspace, name: str) -> Target | None:
    """A script file as a command, or ``None``."""
    path = script_path(rs, name)
    return ScriptTarget(path) if path else None


class ScriptTarget(Target):
    """A script file that can run."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def start(
        self, frame: Frame, arguments: Sequence[Argument], invocation: Invocation, streams: Streams, dot: bool
    ) -> Processor:
        """The element of the pipeline."""
        block = load_script(frame.rs, self.path)
        name = self.path.rpartition("\\")[2]
        processor = ScriptFileProcessor(frame.rs, block, name, frame.scope, streams, arguments, invocation)
        processor.new_scope = not dot
        return processor


class ScriptFileProcessor(ScriptProcessor):
    """A script that runs: it knows its place, and ``exit`` ends nothing but itself."""

    over = False

    def _prepare_scope(self, scope: Scope, frame: Frame) -> None:
        super()._prepare_scope(scope, frame)
        path = self.block.ast.source.file
        for name, value in zip(_PLACES, (path.rpartition("\\")[0], path), strict=True):
            if not self.new_scope:
                self.saved[name.lower()] = scope.vars.get(name.lower())
            scope.vars[name.lower()] = Variable(name, value)

    def _run(self, run: Run) -> None:
        if self.over:
            return
        try:
            super()._run(run)
        except ExitSignal as signal:
            self.over = True
            self.failed = signal.code != 0
            self.rs.global_scope.put("LASTEXITCODE", signal.code)
            self.rs.global_scope.put(EXITED, signal.code)
