"""Plain text tables for people, at most 100 columns wide, and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import typer

WIDTH: Final = 100
_GAP: Final = 2
_NARROWEST: Final = 8


def text_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = (), whole: bool = False
) -> str:
    """A table with one line for each row; columns named in `right` are aligned there.

    What does not fit into the width is taken from the widest columns, with an ellipsis; unless `whole`, which is for
    what people copy.
    """
    widths = [max(len(row[position]) for row in [head, *rows]) for position in range(len(head))]
    while not whole and sum(widths) + _GAP * (len(widths) - 1) > WIDTH and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in [head, *rows]:
        cells = []
        for name, cell, width in zip(head, row, widths, strict=True):
            text = cell if len(cell) <= width else cell[: width - 1] + "…"
            cells.append(text.rjust(width) if name in right else text.ljust(width))
        lines.append((" " * _GAP).join(cells).rstrip())
    return "\n".join(lines)


def echo_json(value: Any) -> None:
    """Print a JSON document."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))
