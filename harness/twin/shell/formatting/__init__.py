"""From objects to the console's text, in the layout of 5.1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.twin.shell.formatting.renderer import Renderer
from harness.twin.shell.formatting.views import Column, View, register_type, register_view

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

__all__ = ["Column", "Renderer", "View", "register_type", "register_view", "render"]


def render(rs: Runspace, items: Iterable[object], width: int) -> str:
    """The text of objects, lines ended by ``\\n``."""
    pieces: list[str] = []
    renderer = Renderer(rs, pieces.append, width)
    for item in items:
        renderer.feed(item)
    renderer.finish()
    return "".join(pieces)
