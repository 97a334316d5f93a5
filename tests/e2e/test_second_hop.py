"""The second hop on a simulated lab, as a client meets it: denied after NTLM, allowed after CredSSP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.azurelocal.cau import read_cau
from harness.azurelocal.command import Command, Round
from harness.clock import monotonic_ns
from harness.errors import CredentialRejectedError
from harness.journal import Redactor
from harness.labs.models import find_lab
from harness.labs.port import Endpoint
from harness.labs.twin import TwinHosting
from harness.run.endpoints import Endpoints
from harness.run.sessions import session_opener, to_winrm
from harness.transports.powershell import script_json
from harness.transports.replies import PowerShellError
from harness.transports.trouble import EndpointError, Trouble
from harness.transports.winrm import WinRmShell

BY_NAME = '$n=(Get-Cluster).Name\n@{name=$n;run="$(Get-CauRun -ClusterName $n)"}'
DENIED = "AccessDenied,PSSessionStateBroken"


class HostedLab:
    """As much of the lab port as sessions need, without a lab host."""

    def __init__(self, hosting: TwinHosting) -> None:
        self.hosting = hosting
        self.nodes = tuple(hosting.simulated.nodes)
        self.clock = SimpleNamespace(flows=True, now_ns=monotonic_ns)
        self.changes: dict[str, Any] = {}
        self.kinds: dict[str, str] = {}

    def endpoint(self, name: str, kind: str) -> Endpoint:
        found = Endpoint(**self.hosting.call("endpoint", {"name": name, "kind": self.kinds.get(kind, kind)}))
        return replace(found, **self.changes)

    def ask(self, command: Command[Any], node: str = "NODE01") -> Any:
        """The answer of one node through the workers of a run."""
        endpoints = Endpoints(session_opener(cast(Any, self), Redactor(), None))
        try:
            endpoints.ask(node, command, lambda answer: None)
            ((_, answer),) = endpoints.gather()
        finally:
            endpoints.close()
        if answer.error is not None:
            raise answer.error
        return answer.value


@pytest.fixture(scope="module")
def hosting() -> Iterator[TwinHosting]:
    lab = find_lab("twin-1node").model_dump(mode="json", by_alias=True)
    hosted = TwinHosting("twin-1node#1", {**lab, "clock": "scaled:60"})
    yield hosted
    hosted.close()


@pytest.fixture
def lab(hosting: TwinHosting) -> HostedLab:
    return HostedLab(hosting)


def ask_by_name(second_hop: bool) -> Command[Any]:
    return Command("cau-by-name", script_json(BY_NAME), lambda document: document, second_hop=second_hop)


def test_a_plain_log_on_is_denied_at_the_cluster_name(lab: HostedLab) -> None:
    with pytest.raises(PowerShellError, match="Access is denied"):
        lab.ask(ask_by_name(second_hop=False))


def test_the_session_hops_for_the_question_that_needs_it(lab: HostedLab) -> None:
    assert lab.ask(ask_by_name(second_hop=True))["run"] == "RunNotInProgress"


@pytest.mark.parametrize("transport", ["ntlm", "credssp"])
def test_both_log_ons_go_over_tls_where_the_lab_says_so(lab: HostedLab, transport: str) -> None:
    lab.kinds, lab.changes = {"winrm": "winrm-https"}, {"transport": transport}
    before = lab.hosting.simulated._endpoints["NODE01"].stats.logons
    assert lab.ask(Command("one", script_json("1"), lambda document: document)) == 1
    assert lab.ask(ask_by_name(second_hop=True))["run"] == "RunNotInProgress"
    # Each `ask` is a session of its own: one log-on each, since a session logs on only by the way a question needs.
    assert lab.hosting.simulated._endpoints["NODE01"].stats.logons == before + 2


def test_a_lab_without_a_second_hop_is_asked_plainly(lab: HostedLab) -> None:
    lab.changes = {"second_hop": "none"}
    with pytest.raises(PowerShellError, match="Access is denied"):
        lab.ask(ask_by_name(second_hop=True))


def test_where_credssp_is_switched_off_the_rest_is_still_answered(lab: HostedLab) -> None:
    simulated = lab.hosting.simulated
    simulated.offer_credssp("NODE01", False)
    try:
        assert lab.ask(read_cau()).run == "RunNotInProgress"
        with pytest.raises(PowerShellError, match="Access is denied"):
            lab.ask(ask_by_name(second_hop=True))
    finally:
        simulated.offer_credssp("NODE01", True)


def test_a_credential_rejected_by_one_log_on_is_not_used_by_the_other(lab: HostedLab) -> None:
    lab.changes = {"secret": "a wrong one"}
    session = session_opener(cast(Any, lab), Redactor(), None)("NODE01")
    for second_hop in (True, False, True):
        with pytest.raises(CredentialRejectedError):
            session.run("1", second_hop=second_hop)
    session.close()
    served = lab.hosting.simulated._endpoints["NODE01"]
    assert sum(served.rejections.values()) == 1


@pytest.mark.parametrize("transport", ["ntlm", "credssp"])
@pytest.mark.parametrize("kind", ["winrm-http", "winrm-https"])
def test_each_port_of_a_served_node_takes_each_log_on(lab: HostedLab, kind: str, transport: str) -> None:
    where = replace(to_winrm(lab.endpoint("NODE01", kind)), transport=cast(Any, transport))
    assert where.tls is (kind == "winrm-https")
    with WinRmShell(where) as shell:
        reply = shell.run(BY_NAME)
    assert (DENIED in reply.stderr) is (transport == "ntlm")


def test_a_served_node_is_trusted_only_by_its_own_authority(lab: HostedLab) -> None:
    where = replace(to_winrm(lab.endpoint("NODE01", "winrm-https")), ca_trust_path=None)
    with pytest.raises(EndpointError) as caught:
        WinRmShell(where).run("1")
    assert caught.value.trouble is Trouble.UNTRUSTED


def test_a_round_hops_when_one_of_its_parts_must() -> None:
    plain = Command("plain", "1", lambda document: document)
    assert not Round((plain, plain)).second_hop
    assert Round((plain, read_cau())).second_hop
