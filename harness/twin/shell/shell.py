"""Running a script text in a session."""

from __future__ import annotations

from harness.twin.shell import classes, clixml, clixmlreader
from harness.twin.shell.commands.core import CORE
from harness.twin.shell.compiler import compile_tree
from harness.twin.shell.dotnet import library
from harness.twin.shell.errors import BreakSignal, ContinueSignal, ReturnSignal
from harness.twin.shell.frame import Sink
from harness.twin.shell.objects import NOTHING
from harness.twin.shell.parser import ParseResult, parse
from harness.twin.shell.processors import ScriptProcessor
from harness.twin.shell.runspace import Runspace
from harness.twin.shell.scriptblock import ScriptBlock
from harness.twin.shell.session import enter

__all__ = ["CORE", "Runspace", "classes", "clixml", "clixmlreader", "library", "parse", "run_tree"]


def run_tree(rs: Runspace, result: ParseResult, out: Sink) -> None:
    """Run a parsed script in the global scope; output goes to ``out``.

    Raises ``PSError`` for what ends the script, ``ExitSignal`` for ``exit``. The text must have no parse errors.
    """
    enter(rs)
    rs.use(result.script)
    block = compile_tree(result.script)
    body = block.body
    frame = rs.frame(out)
    frame.source = result.source
    frame.function = "<ScriptBlock>"
    rs.propagate = False
    rs.frames = [frame]
    try:
        if body.parameters or body.advanced:
            _call(rs, block, out)
            return
        for run in (body.begin, body.process, body.end):
            if run is not None:
                run(frame)
    except (BreakSignal, ContinueSignal, ReturnSignal):
        return
    finally:
        rs.frames = []


def _call(rs: Runspace, block: ScriptBlock, out: Sink) -> None:
    """Run a script that declares parameters: a call without arguments, so that they take their defaults."""
    script = ScriptProcessor(rs, block, "", rs.global_scope, rs.streams, [])
    script.out, script.new_scope = out, False
    script.begin(False)
    script.process(NOTHING)
    script.end()
