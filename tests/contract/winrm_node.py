"""A node for client tests: the twin's WinRM endpoint with a backend that obeys a few words instead of PowerShell."""

from __future__ import annotations

import base64
import functools
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import get_args

from harness.transports.channel import Scheme
from harness.transports.winrm import WinRmEndpoint
from harness.twin.clock import read_utc_s
from harness.twin.wire.certificates import Authority, Validity, make_context
from harness.twin.wire.endpoint import Endpoint, EndpointSettings, TlsService
from harness.twin.wire.port import CommandSpec, OutputSink
from harness.twin.wire.server import WinRmServer
from harness.twin.wire.winrs import Quotas

USER = "hil"
PASSWORD = "Päss&<word>"
WAYS = ("http+ntlm", "https+ntlm", "https+credssp", "http+credssp")
"""How a client may reach a node; the first is the default."""
ENCODED = re.compile(r"-EncodedCommand (\S+)$")


@dataclass
class WordProcess:
    """`echo TEXT`, `error TEXT`, `exit N`, `hang TEXT`; the bootstrap reads its word from standard input."""

    sink: OutputSink
    script: str
    backend: WordBackend
    received: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        if "$input" not in self.script:
            self.obey(self.script)

    def obey(self, script: str) -> None:
        self.backend.scripts.append(script)
        word, _, rest = script.partition(" ")
        if word == "hang":
            self.sink.stdout(rest.encode())
            return
        if word == "echo":
            self.sink.stdout(rest.encode())
        elif word == "error":
            self.sink.stderr(rest.encode())
        elif word == "split":
            raw = rest.encode()
            for byte in raw:
                self.sink.stdout(bytes([byte]))
        self.sink.exit(int(rest) if word == "exit" else 0)

    def stdin(self, data: bytes, end: bool) -> None:
        self.received += data
        if end:
            self.obey(base64.b64decode(bytes(self.received)).decode())

    def signal(self, code: str) -> None:
        self.backend.signals.append(code)
        self.sink.exit(-1073741510)


class WordBackend:
    def __init__(self) -> None:
        self.scripts: list[str] = []
        self.signals: list[str] = []
        self.specs: list[CommandSpec] = []
        self.closed: list[str] = []
        self.processes: list[WordProcess] = []
        self.break_on_start: Callable[[], None] | None = None
        self.started = threading.Event()

    def start(self, command: CommandSpec, sink: OutputSink) -> WordProcess:
        self.specs.append(command)
        match = ENCODED.search(command.command_line)
        assert match, command.command_line
        assert len(command.command_line) < 8191
        process = WordProcess(sink, base64.b64decode(match.group(1)).decode("utf-16-le"), self)
        self.processes.append(process)
        process.begin()
        if self.break_on_start:
            act, self.break_on_start = self.break_on_start, None
            act()
        self.started.set()
        return process

    def shell_closed(self, shell_id: str) -> None:
        self.closed.append(shell_id)


@dataclass
class Node:
    """The served endpoint, its backend, and how to reach it."""

    served: Endpoint
    backend: WordBackend
    where: WinRmEndpoint
    server: WinRmServer

    def drop_connections(self) -> None:
        """End all connections with FIN and wait until the clients can know."""
        self.served.drop_connections(reset=False)
        self.settle()

    def refuse(self) -> None:
        """Close the listener and all connections, likewise."""
        self.served.set_state("refusing")
        self.settle()

    def settle(self) -> None:
        """The loop closes sockets in its next round."""
        for _ in range(3):
            self.server.call(lambda: None)


@functools.cache
def authority() -> Authority:
    return Authority("contract tests", read_utc_s())


@contextmanager
def serve_node(
    quotas: Quotas | None = None,
    name: str = "NODE01",
    password: str = PASSWORD,
    way: str = WAYS[0],
    *,
    certified: str = "127.0.0.1",
    validity: Validity | None = None,
) -> Iterator[Node]:
    """A node that serves all ways; `way` is how the client goes.  Its certificate is made out to `certified`."""
    backend = WordBackend()
    tls = TlsService(0, make_context(authority().issue([name], [certified], validity)))
    settings = EndpointSettings(offers_credssp=True)
    with WinRmServer(quotas=quotas) as server, tempfile.NamedTemporaryFile(suffix=".pem") as trusted:
        trusted.write(authority().pem)
        trusted.flush()
        served = server.add_endpoint(
            name, "127.0.0.1", 0, {USER: PASSWORD}, backend, name, "", settings=settings, tls=tls
        )
        where = WinRmEndpoint(name, "127.0.0.1", served.port, USER, password, ca_trust_path=trusted.name)
        yield Node(served, backend, going(where, served, way), server)


def going(where: WinRmEndpoint, served: Endpoint, way: str) -> WinRmEndpoint:
    """The same node, reached another way."""
    protocol, _, log_on = way.partition("+")
    scheme: Scheme = next(known for known in get_args(Scheme) if known == log_on)
    tls = protocol == "https"
    return replace(where, port=(served.tls_port or 0) if tls else served.port, transport=scheme, tls=tls)
