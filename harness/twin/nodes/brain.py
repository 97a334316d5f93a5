"""The brain's side: who is connected, whose heartbeats come, and programs that run here for shells elsewhere."""

from __future__ import annotations

import hmac
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from harness.twin.clock import wall_ns
from harness.twin.nodes.commands import FarSink, command_from
from harness.twin.nodes.protocol import VERSION, Beat, Link, ProtocolError, signature, to_bytes
from harness.twin.wire.port import Backend, Process

log = logging.getLogger("hil.brain")

_DATAGRAM_BYTES: Final = 4096
_HELLO_WITHIN_S: Final = 10.0


class NodeListener(Protocol):
    """Hears what nodes do; called from several threads, one at a time for each node."""

    def serving(self, node: str, boot: str) -> None:
        """A node belongs to the brain and serves WinRM: for the first time in this boot, or again."""

    def has_addresses(self, node: str, number: int) -> None:
        """A node has exactly the addresses of guests that it was told to have with this number."""

    def leaving(self, node: str, boot: str) -> None:
        """A node goes down as it was told to; nothing is heard of it until it has booted."""

    def beat(self, node: str, boot: str, at_ns: int) -> None:
        """A heartbeat came at this instant of the wall clock of the twin (`wall_ns`)."""


@dataclass(slots=True)
class _Connected:
    """A node as it is connected now."""

    boot: str
    link: Link


class Brain:
    """Where nodes come to.  `backends` run the programs of each node, `welcome` says how each is to serve.

    Raises OSError when the address is taken.
    """

    def __init__(
        self,
        address: tuple[str, int],
        token: str,
        backends: Mapping[str, Backend],
        welcome: Callable[[str], Mapping[str, Any]],
        listener: NodeListener,
    ) -> None:
        self._token = token
        self._backends = backends
        self._welcome = welcome
        self._listener = listener
        self._guard = threading.Lock()
        self._connected: dict[str, _Connected] = {}
        self._door = socket.create_server(address, backlog=64)
        self.address: tuple[str, int] = self._door.getsockname()[:2]
        self._beats = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._beats.bind(self.address)
        except OSError:
            self._door.close()
            raise
        threading.Thread(target=self._admit, name="brain", daemon=True).start()
        threading.Thread(target=self._listen, name="beats", daemon=True).start()

    def connected(self, node: str) -> bool:
        """Whether a node is connected now."""
        with self._guard:
            return node in self._connected

    def tell(self, node: str, kind: str, **content: object) -> bool:
        """Say something to a node; False when it is not connected."""
        with self._guard:
            found = self._connected.get(node)
        if found is None:
            return False
        found.link.send(kind, **content)
        return True

    def close(self) -> None:
        """Let all nodes go."""
        for sock in (self._door, self._beats):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        with self._guard:
            links = [one.link for one in self._connected.values()]
        for link in links:
            link.close()

    def _admit(self) -> None:
        while True:
            try:
                sock, peer = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(sock, peer), name="node", daemon=True).start()

    def _talk(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        sock.settimeout(_HELLO_WITHIN_S)
        link = Link(sock)
        try:
            messages = link.messages()
            hello = next(messages, None)
            if hello is None:
                return
            node, boot = self._known(hello)
            sock.settimeout(None)
            self._serve(node, _Connected(boot, link), messages)
        except ProtocolError as error:
            log.warning("%s:%d is turned away: %s", *peer, error)
        finally:
            link.close()

    def _known(self, hello: Mapping[str, Any]) -> tuple[str, str]:
        """Node and boot of a `hello`.  Raises ProtocolError when it is not of one of the nodes."""
        node, boot = str(hello.get("node")), str(hello.get("boot"))
        proof = signature(self._token, f"hello {node} {boot}")
        if hello["type"] != "hello" or not hmac.compare_digest(proof, str(hello.get("proof"))):
            raise ProtocolError("it does not know the token")
        if hello.get("version") != VERSION:
            raise ProtocolError(f"its version is {hello.get('version')}, this one {VERSION}")
        if node not in self._backends:
            raise ProtocolError(f"no node is named '{node}'")
        return node, boot

    def _serve(self, node: str, connected: _Connected, messages: Any) -> None:
        with self._guard:
            former = self._connected.get(node)
            self._connected[node] = connected
        if former is not None:
            former.link.close()
        connected.link.send("welcome", **self._welcome(node))
        programs = _Programs(self._backends[node], connected.link)
        try:
            for message in messages:
                if message["type"] == "serving":
                    self._listener.serving(node, connected.boot)
                elif message["type"] == "has":
                    self._listener.has_addresses(node, int(message["number"]))
                elif message["type"] == "leaving":
                    self._listener.leaving(node, connected.boot)
                else:
                    programs.hear(message)
        finally:
            programs.end()
            with self._guard:
                if self._connected.get(node) is connected:
                    del self._connected[node]

    def _listen(self) -> None:
        while True:
            try:
                datagram = self._beats.recv(_DATAGRAM_BYTES)
            except OSError:
                return
            try:
                beat = Beat.unpacked(datagram, self._token)
            except (ValueError, TypeError, json.JSONDecodeError):
                beat = None
            if beat is not None and beat.node in self._backends:
                self._listener.beat(beat.node, beat.boot, wall_ns())


class _Programs:
    """The programs of one connection."""

    def __init__(self, backend: Backend, link: Link) -> None:
        self._backend = backend
        self._link = link
        self._running: dict[int, tuple[Process, FarSink]] = {}

    def hear(self, message: Mapping[str, Any]) -> None:
        """What a node says of its programs.  Raises ProtocolError for anything else."""
        kind = message["type"]
        if kind == "start":
            self._running = {number: pair for number, pair in self._running.items() if not pair[1].ended}
            number = int(message["command"])
            sink = FarSink(self._link, number)
            self._running[number] = self._backend.start(command_from(message["spec"]), sink), sink
        elif kind == "closed":
            self._backend.shell_closed(message["shell_id"])
        elif kind in ("stdin", "signal"):
            if (found := self._running.get(int(message["command"]))) is None:
                return
            process, _ = found
            if kind == "stdin":
                process.stdin(to_bytes(message["data"]), message["end"])
            else:
                process.signal(message["code"])
        else:
            raise ProtocolError(f"a node says '{kind}'")

    def end(self) -> None:
        """The node is gone, and its programs with it."""
        for process, sink in self._running.values():
            if not sink.ended:
                process.signal("terminate")
