"""``2>&1``, ``3>$null``, ``> file``."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.twin.shell.ast import RedirectionStream
from harness.twin.shell.formatting import render
from harness.twin.shell.frame import Frame, Sink, Streams
from harness.twin.shell.storage import absolute, storage_of
from harness.twin.shell.text import to_text
from harness.twin.shell.typesystem import is_null

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


def _dropped(frame: Frame, stream: str) -> Sink:
    """``$null`` for a stream of records: gone for the script and a console, not for a client of the engine."""
    return lambda record: frame.rs.dropped(stream, record)


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
        if sink is _drop and redirect.stream is not RedirectionStream.OUTPUT:
            names = _NAMES.values() if redirect.stream is RedirectionStream.ALL else [_NAMES[redirect.stream]]
            changes.update({name: _drop if name == "error" else _dropped(frame, name) for name in names})
            target = sink if redirect.stream is RedirectionStream.ALL else target
        elif redirect.stream is RedirectionStream.OUTPUT:
            target = sink
        elif redirect.stream is RedirectionStream.ALL:
            changes.update(dict.fromkeys(_NAMES.values(), sink))
            if redirect.location is not None:
                target = sink
        else:
            changes[_NAMES[redirect.stream]] = sink
    streams = frame.streams.replaced(changes) if changes else frame.streams
    return streams, target, close


def _write(frame: Frame, path: str, text: str, append: bool) -> None:
    """UTF-16 with a mark, as ``>`` of 5.1 writes."""
    files, full = storage_of(frame.rs), absolute(path, frame.rs.location)
    before = files.read(full) if append and files.kind(full) == "file" else codecs.BOM_UTF16_LE
    files.write(full, before + text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-16-le"))


def _file_sink(frame: Frame, path: str, append: bool) -> tuple[Sink, Callable[[], None] | None]:
    writer = getattr(frame.rs.host, "write_text_file", None)
    if path.lower() == "nul":
        return _drop, None
    items: list[object] = []

    def close() -> None:
        text = render(frame.rs, items, frame.rs.width)
        if writer is not None:
            writer(path, text, append)
        else:
            _write(frame, path, text, append)

    return items.append, close
