"""From the syntax tree to Python closures, once per script text."""

from __future__ import annotations

from functools import lru_cache

from harness.twin.shell.ast import ScriptBlockAst
from harness.twin.shell.compiler import (
    assignments,
    commands,
    definitions,
    expressions,
    loops,
    membership,
    statements,
    strings,
)
from harness.twin.shell.compiler.core import Compiler
from harness.twin.shell.scriptblock import ScriptBlock

__all__ = [
    "Compiler",
    "assignments",
    "commands",
    "compile_tree",
    "definitions",
    "expressions",
    "loops",
    "membership",
    "statements",
    "strings",
]


@lru_cache(maxsize=512)
def compile_tree(tree: ScriptBlockAst) -> ScriptBlock:
    """The script block of a parsed script; compiled once per tree (trees are cached by their text)."""
    return Compiler(tree.source).script_block(tree)
