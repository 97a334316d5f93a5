"""How workers reach their endpoints: kept WinRM shells, one careful use of the account among all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, get_args

from harness.clock import monotonic_ns
from harness.journal import Redactor
from harness.labs.port import Endpoint, Lab
from harness.run.endpoints import Session
from harness.transports.channel import Scheme
from harness.transports.credential import CredentialWatch
from harness.transports.recorder import Recorder
from harness.transports.replies import Reply
from harness.transports.trouble import EndpointError, Trouble
from harness.transports.winrm import WinRmEndpoint, WinRmShell

HOPS: Final[Scheme] = "credssp"
"""The scheme after which the node can log on elsewhere as the same user."""


class NodeSession:
    """The kept shells to one node: one for nearly everything, and a second, opened when the first question comes that
    makes the node ask other machines.

    Only those questions hand the password to the node.  Belongs to the thread that uses it first.
    """

    def __init__(self, plain: WinRmShell, hopping: WinRmShell | None) -> None:
        self._plain = plain
        self._hopping = hopping

    def run(self, script: str, *, within_s: float = 60.0, repeatable: bool = True, second_hop: bool = False) -> Reply:
        """Run a script and return the reply.

        Where the node does not offer the second log-on (a policy may have switched it off, [T]), the script runs in the
        first: what needs no hop is answered, the rest says that it was denied.  Raises HarnessError.
        """
        if second_hop and self._hopping is not None:
            try:
                return self._hopping.run(script, within_s=within_s, repeatable=repeatable)
            except EndpointError as error:
                if error.trouble is not Trouble.NOT_OFFERED:
                    raise
        return self._plain.run(script, within_s=within_s, repeatable=repeatable)

    def close(self) -> None:
        """Close both; never raises."""
        self._plain.close()
        if self._hopping is not None:
            self._hopping.close()


def session_opener(
    lab: Lab, redactor: Redactor, recorder: Recorder | None, guests: Sequence[str] = ()
) -> Callable[[str], Session]:
    """A function that opens a session to a node, or to one of `guests`; called in the workers' threads.

    Endpoints are fetched here and now: the lab is not theirs to ask.  Secrets become known to the redactor before
    first use.  Nodes share one account; each guest has its own, so one that refuses it speaks for itself alone.
    """
    endpoints: dict[str, tuple[WinRmEndpoint, WinRmEndpoint | None]] = {}
    for node in (*lab.nodes, *guests):
        found = lab.endpoint(node, "winrm")
        redactor.register(found.secret)
        plain = to_winrm(found)
        hops = found.second_hop == HOPS and plain.transport != HOPS
        endpoints[node] = plain, replace(plain, transport=HOPS) if hops else None
    now_ns = monotonic_ns if lab.clock.flows else lab.clock.now_ns
    accounts = {plain.username for plain, _ in endpoints.values()}
    watches = {account: CredentialWatch(account, now_ns=now_ns) for account in accounts}

    def open_session(node: str) -> Session:
        plain, hopping = endpoints[node]
        watch = watches[plain.username]
        return NodeSession(
            WinRmShell(plain, watch=watch, recorder=recorder),
            WinRmShell(hopping, watch=watch, recorder=recorder) if hopping is not None else None,
        )

    return open_session


def to_winrm(found: Endpoint) -> WinRmEndpoint:
    """What the WinRM client needs of a lab's endpoint.  A lab file names known schemes only."""
    scheme: Scheme = next(known for known in get_args(Scheme) if known == found.transport)
    return WinRmEndpoint(
        found.name,
        found.address,
        found.port,
        found.username,
        found.secret,
        transport=scheme,
        tls=found.tls,
        ca_trust_path=found.ca_file or None,
        namespace=found.namespace,
    )
