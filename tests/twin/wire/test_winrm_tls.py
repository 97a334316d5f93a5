"""TLS and CredSSP of the endpoint with unmodified pywinrm, which checks the certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests_credssp.exceptions import AuthenticationException, NTStatusException
from winrm.exceptions import InvalidCredentialsError
from winrm.protocol import Protocol

from harness.transports.credssp_client import read_status
from harness.twin.clock import read_utc_s
from harness.twin.wire.certificates import Authority, make_context
from harness.twin.wire.endpoint import Endpoint, EndpointSettings, TlsService
from harness.twin.wire.server import WinRmServer
from tests.twin.wire.winrm_doubles import ScriptedBackend

ADDRESS = "127.77.0.12"
ACCOUNTS = {"hil": "Local-Pass1", "AZL\\deployer": "Domain-Pass1"}
AUTHORITY = Authority("twin tests", read_utc_s())


@pytest.fixture
def served(server: WinRmServer, backend: ScriptedBackend) -> Iterator[Endpoint]:
    tls = TlsService(0, make_context(AUTHORITY.issue(["NODE2", "node2.azl.lab"], [ADDRESS])))
    settings = EndpointSettings(offers_credssp=True, offers_basic=True)
    yield server.add_endpoint("node2", ADDRESS, 0, ACCOUNTS, backend, "NODE2", "azl.lab", settings=settings, tls=tls)
    server.remove_endpoint("node2")


@pytest.fixture
def pinned(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.pem)
    return str(path)


def open_client(served: Endpoint, pinned: str, protocol: str, transport: str, **options: Any) -> Protocol:
    url = served.url if protocol == "http" else f"https://{ADDRESS}:{served.tls_port}/wsman"
    user, password = "AZL\\deployer", ACCOUNTS["AZL\\deployer"]
    return Protocol(
        url,
        transport=transport,
        username=options.pop("user", user),
        password=options.pop("password", password),
        server_cert_validation="validate",
        ca_trust_path=pinned,
        proxy=None,
        **options,
    )


def run(client: Protocol, line: str) -> bytes:
    shell = client.open_shell()
    try:
        return client.get_command_output(shell, client.run_command(shell, line))[0]
    finally:
        client.close_shell(shell)


@pytest.mark.parametrize(
    ("protocol", "transport", "mechanism"),
    [
        ("https", "ntlm", "auto"),
        ("https", "credssp", "ntlm"),
        ("https", "credssp", "auto"),
        ("http", "credssp", "ntlm"),
        ("http", "credssp", "auto"),
    ],
)
def test_commands_run_over_every_channel(
    served: Endpoint, backend: ScriptedBackend, pinned: str, protocol: str, transport: str, mechanism: str
) -> None:
    client = open_client(served, pinned, protocol, transport)
    client.transport.credssp_auth_mechanism = mechanism
    assert run(client, "echo " + "x" * 50_000) == b"x" * 50_000 + b"\r\n"
    shell = backend.last.spec.shell
    assert (shell.user, shell.delegated) == ("AZL\\deployer", transport == "credssp")
    assert served.stats.logons == 1


def test_basic_over_tls_needs_no_sealing(served: Endpoint, pinned: str) -> None:
    client = open_client(served, pinned, "https", "plaintext", user="hil", password=ACCOUNTS["hil"])
    assert run(client, "echo hi") == b"hi\r\n"


def test_without_the_pinned_authority_the_client_says_nothing(served: Endpoint, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pem"
    foreign.write_bytes(Authority("somebody else", read_utc_s()).pem)
    with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
        run(open_client(served, str(foreign), "https", "ntlm"), "echo hi")
    assert served.stats.requests == 0


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_a_wrong_password_is_told_by_its_status(served: Endpoint, pinned: str, protocol: str) -> None:
    heard: list[tuple[str, bool]] = []
    served.on_rejection = lambda account, proof_failed: heard.append((account, proof_failed))
    with pytest.raises(NTStatusException, match="STATUS_LOGON_FAILURE"):
        run(open_client(served, pinned, protocol, "credssp", password="wrong"), "echo hi")
    assert heard == [("AZL\\deployer", True)]
    assert served.stats.operations == {}


def test_a_locked_account_is_told_by_its_status(served: Endpoint, pinned: str) -> None:
    served.lock("AZL\\deployer")
    with pytest.raises(AuthenticationException) as caught:
        run(open_client(served, pinned, "http", "credssp"), "echo hi")
    assert read_status(caught.value) == 0xC0000234  # ACCOUNT_LOCKED_OUT, which the client library does not know
    assert served.rejections == {"AZL\\deployer": 1}


def test_credssp_is_offered_only_where_it_is_enabled(served: Endpoint, pinned: str) -> None:
    served.offer_credssp(False)
    with pytest.raises(AuthenticationException, match="CredSSP being an available"):
        run(open_client(served, pinned, "http", "credssp"), "echo hi")
    with pytest.raises(InvalidCredentialsError):
        run(open_client(served, pinned, "https", "ntlm", password="wrong"), "echo hi")


def test_both_ports_follow_the_state_of_the_service(served: Endpoint, pinned: str) -> None:
    served.set_state("refusing")
    for protocol in ("http", "https"):
        with pytest.raises(requests.ConnectionError, match="refused"):
            run(open_client(served, pinned, protocol, "ntlm"), "echo hi")
    served.set_state("answering")
    for protocol in ("http", "https"):
        assert run(open_client(served, pinned, protocol, "ntlm"), "echo hi") == b"hi\r\n"
    served.drop_connections(reset=True)
    assert served.connections == set()
