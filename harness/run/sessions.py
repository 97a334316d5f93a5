"""How workers reach their endpoints: one kept WinRM shell each, one careful use of the account among all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

from harness.clock import monotonic_ns
from harness.journal import Redactor
from harness.labs.port import Lab
from harness.run.endpoints import Session
from harness.transports.credential import CredentialWatch
from harness.transports.recorder import Recorder
from harness.transports.winrm import WinRmEndpoint, WinRmShell


def session_opener(lab: Lab, redactor: Redactor, recorder: Recorder | None) -> Callable[[str], Session]:
    """A function that opens a session to a node; called in the workers' threads.

    Endpoints are fetched here and now: the lab is not theirs to ask.  Secrets become known to the redactor before
    first use.
    """
    endpoints: dict[str, WinRmEndpoint] = {}
    for node in lab.nodes:
        found = lab.endpoint(node, "winrm")
        redactor.register(found.secret)
        scheme = cast(Literal["ntlm", "kerberos", "credssp"], found.transport)
        endpoints[node] = WinRmEndpoint(node, found.address, found.port, found.username, found.secret, transport=scheme)
    account = next(iter(endpoints.values())).username
    watch = CredentialWatch(account, now_ns=monotonic_ns if lab.clock.flows else lab.clock.now_ns)

    def open_session(node: str) -> Session:
        return WinRmShell(endpoints[node], watch=watch, recorder=recorder)

    return open_session
