"""The WinRM client over TLS and by CredSSP: whom it trusts, what it never takes for a rejected credential."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.errors import CredentialRejectedError
from harness.transports import connection as connection_module
from harness.transports.credential import CredentialWatch
from harness.transports.trouble import EndpointError, Trouble
from harness.transports.winrm import WinRmEndpoint, WinRmShell
from harness.twin.clock import read_utc_s
from harness.twin.wire.certificates import Authority, Validity
from tests.contract.winrm_node import USER, WAYS, Node, going, serve_node

DAY_S = 86_400.0
OVER_TLS = tuple(way for way in WAYS if way.startswith("https"))
BY_CREDSSP = tuple(way for way in WAYS if way.endswith("credssp"))


def refuse_to_trust(node: Node, where: WinRmEndpoint) -> EndpointError:
    watch = CredentialWatch(USER)
    with pytest.raises(EndpointError) as caught:
        WinRmShell(where, watch=watch).run("echo 1", repeatable=False)
    assert caught.value.trouble is Trouble.UNTRUSTED
    assert not caught.value.diagnosis.delivered
    assert not isinstance(caught.value, CredentialRejectedError)
    assert "cannot be turned off" in caught.value.hint
    assert node.served.stats.requests == 0, "nothing may be told to a node that is not trusted"
    watch.check("NODE01")  # the credential is as good as before
    return caught.value


@pytest.mark.parametrize("way", OVER_TLS)
def test_a_certificate_of_another_authority_is_not_trusted(way: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    foreign = tmp_path_factory.mktemp("ca") / "ca.pem"
    foreign.write_bytes(Authority("somebody else", read_utc_s()).pem)
    with serve_node(way=way) as node:
        error = refuse_to_trust(node, replace(node.where, ca_trust_path=str(foreign)))
    assert "was not issued by the authority" in str(error)


def days_from_now(first: float, last: float) -> Validity:
    return Validity(read_utc_s() + first * DAY_S, read_utc_s() + last * DAY_S)


@pytest.mark.parametrize(
    ("validity", "words"),
    [(lambda: days_from_now(-3, -2), "has expired"), (lambda: days_from_now(2, 3), "is not valid yet")],
    ids=["expired", "not yet valid"],
)
def test_a_certificate_out_of_its_time_is_not_trusted(validity: Callable[[], Validity], words: str) -> None:
    with serve_node(way="https+ntlm", validity=validity()) as node:
        assert words in str(refuse_to_trust(node, node.where))


def test_a_certificate_for_another_address_or_name_is_not_trusted() -> None:
    with serve_node(way="https+ntlm", certified="127.0.0.9") as node:
        assert "made out to another address" in str(refuse_to_trust(node, node.where))
        assert "made out to another name" in str(refuse_to_trust(node, replace(node.where, address="localhost")))


def test_a_port_that_does_not_speak_tls_is_told_so() -> None:
    with serve_node(way="https+ntlm") as node, pytest.raises(EndpointError) as caught:
        WinRmShell(replace(node.where, port=node.served.port)).run("echo 1")
    assert caught.value.trouble is Trouble.PROTOCOL
    assert "TLS could not be set up" in str(caught.value)


@pytest.mark.parametrize("way", OVER_TLS)
def test_a_black_hole_does_not_even_shake_hands(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_TIMEOUT_S", 0.5)
    with serve_node(way=way) as node:
        node.served.set_state("black_hole")
        with pytest.raises(EndpointError) as caught:
            WinRmShell(node.where).run("echo 1", repeatable=False)
        assert caught.value.trouble is Trouble.TIMEOUT
        assert not caught.value.diagnosis.delivered


@pytest.mark.parametrize("way", WAYS)
def test_only_credssp_leaves_a_credential_on_the_node(way: str) -> None:
    with serve_node(way=way) as node, WinRmShell(node.where) as shell:
        shell.run("echo 1")
        assert node.backend.specs[0].shell.delegated is way.endswith("credssp")


@pytest.mark.parametrize("way", BY_CREDSSP)
def test_credssp_switched_off_is_not_a_rejected_credential(way: str) -> None:
    with serve_node(way=way) as node:
        node.served.offer_credssp(False)
        watch = CredentialWatch(USER)
        with pytest.raises(EndpointError) as caught:
            WinRmShell(node.where, watch=watch).run("echo 1", repeatable=False)
        assert caught.value.trouble is Trouble.NOT_OFFERED
        assert "Enable-WSManCredSSP" in caught.value.hint
        assert not node.served.rejections
        with WinRmShell(going(node.where, node.served, "http+ntlm"), watch=watch) as plain:
            assert plain.run("echo 2").stdout == "2"


@pytest.mark.parametrize("way", WAYS)
def test_a_locked_account_is_a_rejected_credential_by_every_way(way: str) -> None:
    with serve_node(way=way) as node:
        node.served.lock(USER)
        watch = CredentialWatch(USER)
        with pytest.raises(CredentialRejectedError):
            WinRmShell(node.where, watch=watch).run("echo 1")
        for other in WAYS:
            with pytest.raises(CredentialRejectedError):
                WinRmShell(going(node.where, node.served, other), watch=watch).run("echo 1")
        assert sum(node.served.rejections.values()) == 1


@pytest.mark.parametrize("way", BY_CREDSSP)
def test_a_fault_in_the_first_answer_is_read_as_such(way: str) -> None:
    with serve_node(way=way) as node:
        node.served.deny(USER)
        with pytest.raises(EndpointError) as caught:
            WinRmShell(node.where).run("echo 1")
    assert caught.value.trouble is Trouble.ACCESS_DENIED


def test_messages_longer_than_a_record_travel_in_parts() -> None:
    text = "äöü€" * 20_000
    with serve_node(way="http+credssp") as node, WinRmShell(node.where) as shell:
        assert shell.run(f"echo {text}").stdout == text
