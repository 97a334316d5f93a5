"""``2>&1``, ``3>$null``, ``> file``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.twin.shell.ast import RedirectionStream
from harness.twin.shell.errors import limitation
from harness.twin.shell.formatting import render
from harness.twin.shell.frame import Frame, Sink, Streams
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null

if TYPE_CHECKING:
    from harness.twin.shell.runspace import Runspace

_NAMES: Final = {
    RedirectionStream.ERROR: "error",
    RedirectionStream.WARNING: "warning",
    RedirectionStream.VERBOSE: "verbose",
    RedirectionStream.DEBUG: "debug",
    RedirectionStream.INFORMATION: "information",
}


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirection; ``location`` is ``None`` when it merges into the output."""

    stream: RedirectionStream
    location: Callable[[Frame], object] | None
    append: bool


def _drop(_value: object) -> None:
    """``$null``."""


def redirected_streams(
    frame: Frame, redirects: list[Redirect], out: Sink
) -> tuple[Streams, Sink, Callable[[], None] | None]:
    """Streams and output under redirections, and what to call when the command is over."""
    changes: dict[str, Sink] = {}
    close: Callable[[], None] | None = None
    target = out
    for redirect in redirects:
        sink: Sink
        if redirect.location is None:
            sink = target
        else:
            place = redirect.location(frame)
            if is_null(place):
                sink = _drop
            else:
                sink, close = _file_sink(frame, to_text(place), redirect.append)
        if redirect.stream is RedirectionStream.OUTPUT:
            target = sink
        elif redirect.stream is RedirectionStream.ALL:
            changes.update(dict.fromkeys(_NAMES.values(), sink))
            if redirect.location is not None:
                target = sink
        else:
            changes[_NAMES[redirect.stream]] = sink
    streams = frame.streams.replaced(changes) if changes else frame.streams
    return streams, target, close


def _file_sink(frame: Frame, path: str, append: bool) -> tuple[Sink, Callable[[], None] | None]:
    if path.lower() == "nul":
        return _drop, None
    writer = _writer(frame.rs, path)
    items: list[object] = []

    def close() -> None:
        writer(path, render(frame.rs, items, frame.rs.width), append)

    return items.append, close


def _writer(rs: Runspace, path: str) -> Callable[[str, str, bool], None]:
    writer: Callable[[str, str, bool], None] | None = getattr(rs.host, "write_text_file", None)
    if writer is None:
        raise limitation(f"this machine has no file system to redirect to ({path})")
    return writer


def write_shown(rs: Runspace, path: str, items: Sequence[object], *, append: bool) -> None:
    """Write objects to a file as the console shows them.  Raises PSError."""
    _writer(rs, path)(path, render(rs, items, rs.width), append)
