"""Non-blocking TCP connections on epoll, what their errors say, and how many of them the process may have."""

from __future__ import annotations

import errno
import resource
import select
import socket
import struct
from pathlib import Path
from typing import Any, Final, Protocol

from harness.errors import ConfigError
from harness.values import Answer

WRITABLE: Final = select.EPOLLOUT
READABLE: Final = select.EPOLLIN
FAILED: Final = select.EPOLLERR
"""Told of every watched link."""
UNDER_WAY: Final = errno.EINPROGRESS
MOST_EVENTS: Final = 256
"""Events taken in one look; a step must not last."""
SPARE_FILES: Final = 64
"""Descriptors left for the rest of the process: journal, sample files, the sampler's other sockets [INF]."""
_OPEN_FILES: Final = Path("/proc/self/fd")
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_REFUSED: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})
_LOST: Final = frozenset(
    {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENOPROTOOPT, errno.EPROTO}
)


class Link(Protocol):
    """What is used of a socket; a test may bring its own."""

    def fileno(self) -> int: ...
    def send(self, data: bytes, /) -> int: ...
    def recv(self, most: int, /) -> bytes: ...
    def getsockopt(self, level: int, name: int, /) -> int: ...
    def close(self) -> None: ...


class Network(Protocol):
    """Where connections are made and watched; nothing here blocks."""

    def connect(self, family: int, address: Any) -> tuple[Link, int]:
        """A connection and how far it came: 0 (made), UNDER_WAY, or the number of an error.

        Raises OSError when there is no socket to be had.
        """

    def watch(self, link: Link, events: int) -> None:
        """Tell of these events on `link` from now on; closing it ends that.  Raises OSError when that cannot be had."""

    def change(self, link: Link, events: int) -> None:
        """Other events of a link that is watched already."""

    def look(self) -> tuple[list[tuple[int, int]], bool]:
        """Pairs of file descriptor and events by now, and whether these were all."""

    def close(self) -> None:
        """No more events."""


class EpollNetwork:
    """The real one.  Connections are closed by reset, so that none is left in TIME_WAIT and no port is blocked."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def connect(self, family: int, address: Any) -> tuple[Link, int]:
        """See Network.  The source port is the kernel's choice."""
        link = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return link, link.connect_ex(address)

    def watch(self, link: Link, events: int) -> None:
        """See Network."""
        self._epoll.register(link.fileno(), events)

    def change(self, link: Link, events: int) -> None:
        """See Network."""
        self._epoll.modify(link.fileno(), events)

    def look(self) -> tuple[list[tuple[int, int]], bool]:
        """See Network."""
        events = self._epoll.poll(0, MOST_EVENTS)
        return events, len(events) < MOST_EVENTS

    def close(self) -> None:
        """See Network."""
        self._epoll.close()


def answer_of(error: int) -> Answer | None:
    """What the number of a connection's error says of the other side; None when it is an error of our own side."""
    if error in _REFUSED:
        return Answer.REFUSED
    return Answer.LOST if error in _LOST else None


def error_name(error: int | None) -> str:
    """The symbol of an error number, e.g. `EMFILE`."""
    return errno.errorcode.get(error or 0, f"error {error}")


def allow_files(needed: int) -> None:
    """Raise the soft limit of open files of this process so that `needed` more fit; it is never lowered.

    Raises ConfigError when the hard limit is too low.
    """
    total = needed + sum(1 for _ in _OPEN_FILES.iterdir()) + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= total:
        return
    if hard != resource.RLIM_INFINITY and hard < total:
        raise ConfigError(
            f"probing needs {total} open files ({needed} connections under way at worst), this process may have {hard}",
            hint="raise the hard limit (ulimit -Hn, or LimitNOFILE of the service), probe fewer services, less often, "
            "or wait less long for late answers",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (total, hard))
