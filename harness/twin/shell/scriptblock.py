"""Script blocks and functions as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.twin.shell.commands.api import Parameter
from harness.twin.shell.text import register_text
from harness.twin.shell.typesystem import register_value_type

if TYPE_CHECKING:
    from harness.twin.shell.ast import ScriptBlockAst
    from harness.twin.shell.frame import Frame
    from harness.twin.shell.scope import Scope

Run = Callable[["Frame"], None]
Evaluate = Callable[["Frame"], object]


@dataclass(slots=True, eq=False)
class ScriptParameter:
    """A parameter of a script block: its declaration, its default, and what is checked when it is bound."""

    declaration: Parameter
    default: Evaluate | None = None
    type: Any = None
    checks: tuple[Any, ...] = ()


@dataclass(slots=True, eq=False)
class Body:
    """A compiled script block."""

    ast: ScriptBlockAst
    parameters: tuple[ScriptParameter, ...] = ()
    advanced: bool = False
    default_set: str = ""
    should_process: bool = False
    confirm_impact: str = "Medium"
    positional_binding: bool = True
    aliases: tuple[str, ...] = ()
    begin: Run | None = None
    process: Run | None = None
    end: Run | None = None
    signature: Any = None
    by_name: dict[str, ScriptParameter] = field(default_factory=dict)

    @property
    def unnamed(self) -> bool:
        """Whether there is nothing but plain statements."""
        return self.begin is None and self.process is None


class ScriptBlock:
    """``{ … }``: text, tree and compiled body. Compiled when first used."""

    __slots__ = ("_body", "ast", "closure")

    def __init__(self, ast: ScriptBlockAst, body: Callable[[], Body]) -> None:
        self.ast = ast
        self._body: Body | Callable[[], Body] = body
        self.closure: Scope | None = None

    @property
    def body(self) -> Body:
        """The compiled body."""
        if not isinstance(self._body, Body):
            self._body = self._body()
        return self._body

    @property
    def text(self) -> str:
        """The source between the braces."""
        return self.ast.text

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True, eq=False)
class Function:
    """A named script block."""

    name: str
    block: ScriptBlock
    is_filter: bool = False

    @property
    def body(self) -> Body:
        """The compiled body."""
        return self.block.body


register_value_type(
    ScriptBlock,
    "System.Management.Automation.ScriptBlock",
    ("System.Management.Automation.ScriptBlock", "System.Object"),
)
register_text(ScriptBlock, str)
