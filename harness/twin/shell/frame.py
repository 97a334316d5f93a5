"""What running code carries along: where its output and errors go, its scope, its place in the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.twin.shell.ast import Extent, SourceText
    from harness.twin.shell.runspace import Runspace
    from harness.twin.shell.scope import Scope

Sink = Callable[[object], None]
STREAMS = ("error", "warning", "verbose", "debug", "information", "progress")


class Streams:
    """Where the streams besides output go."""

    __slots__ = STREAMS

    def __init__(
        self, error: Sink, warning: Sink, verbose: Sink, debug: Sink, information: Sink, progress: Sink
    ) -> None:
        self.error = error
        self.warning = warning
        self.verbose = verbose
        self.debug = debug
        self.information = information
        self.progress = progress

    def replaced(self, changes: dict[str, Sink]) -> Streams:
        """These streams, some of them going elsewhere."""
        return Streams(**{name: changes.get(name, getattr(self, name)) for name in STREAMS})


class Frame:
    """One activation of code: a script, a function or a block."""

    __slots__ = ("function", "out", "pos", "rs", "scope", "source", "streams")

    def __init__(
        self,
        rs: Runspace,
        scope: Scope,
        out: Sink,
        streams: Streams,
        source: SourceText | None = None,
        function: str = "",
    ) -> None:
        self.rs = rs
        self.scope = scope
        self.out = out
        self.streams = streams
        self.source = source
        self.pos: Extent | None = None
        self.function = function
