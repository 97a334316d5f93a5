"""A second pair of eyes on one guest: an echo request every few milliseconds, and which of them were answered."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType

from harness.clock import monotonic_ns, pause
from harness.netns import entered

EVERY_S = 0.005
IDENTITY = 0x7E57


class Witness:
    """Asks an address inside a namespace while its block runs ([D] RFC 792); times are monotonic nanoseconds."""

    def __init__(self, namespace: str, address: str) -> None:
        self._address = address
        with entered(namespace):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.settimeout(0.5)
        self._ended = threading.Event()
        self._sent: list[int] = []
        self._answered: dict[int, int] = {}
        self._threads = [threading.Thread(target=act, daemon=True) for act in (self._ask, self._hear)]

    def __enter__(self) -> Witness:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def back_after(self, at_ns: int) -> tuple[int, int]:
        """Between which two moments the guest began to answer again: when the last request before its first answer was
        sent, and when that answer was here."""
        number = next(each for each, sent_ns in enumerate(self._sent) if sent_ns > at_ns and each in self._answered)
        return self._sent[number - 1], self._answered[number]

    def _ask(self) -> None:
        while not self._ended.is_set():
            number = len(self._sent)
            head = struct.pack("!BBHHH", 8, 0, 0, IDENTITY, number & 0xFFFF)
            total = sum(struct.unpack("!4H", head))
            total = (total & 0xFFFF) + (total >> 16)
            self._sent.append(monotonic_ns())
            with suppress(OSError):
                self._socket.sendto(head[:2] + struct.pack("!H", ~total & 0xFFFF) + head[4:], (self._address, 0))
            pause(EVERY_S)

    def _hear(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                answer = self._socket.recv(2048)
                kind, _, _, identity, number = struct.unpack("!BBHHH", answer[20:28])
                if (kind, identity) == (0, IDENTITY):
                    self._answered[number] = monotonic_ns()
