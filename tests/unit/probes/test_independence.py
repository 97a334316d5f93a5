"""A prober must not lean on what it watches."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from harness.probes import independence
from harness.probes.independence import ClusterUnderTest, Need, Surroundings, is_own_address, objections, surroundings

CLUSTER = ClusterUnderTest({"dc01": ("10.0.0.5",), "web01": ("10.0.0.11", "10.0.1.11")}, ("NODE01", "NODE02"))
ALONE = Surroundings((Need("gateway", "10.0.0.1"), Need("name server", "10.0.9.9")), "OTHERHOST")


def told(around: Surroundings, own: str = "192.0.2.1") -> list[str]:
    return objections(CLUSTER, around, is_own=lambda address: address == own)


def test_nothing_against_a_prober_outside() -> None:
    assert told(ALONE) == []


def test_prober_that_is_a_guest() -> None:
    (text,) = told(ALONE, own="10.0.1.11")
    assert "guest 'web01'" in text


@pytest.mark.parametrize("host", ["node02", "NODE02.lab.example"])
def test_prober_whose_host_is_a_node(host: str) -> None:
    (text,) = told(Surroundings((), host))
    assert "node 'NODE02'" in text


@pytest.mark.parametrize("what", ["name server", "domain controller", "gateway"])
@pytest.mark.parametrize("at", ["10.0.0.5", "DC01.lab.example"])
def test_needs_that_are_guests(what: str, at: str) -> None:
    (text,) = told(Surroundings((Need(what, at),)))
    assert text == f"its {what} {at} is guest 'dc01'"


def test_loopback_is_nobodys_address() -> None:
    assert not is_own_address("127.0.0.1")
    assert not is_own_address("203.0.113.77")


def test_settings_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    gateway = struct.unpack("<I", socket.inet_aton("10.0.0.1"))[0]
    routes = f"Iface\tDestination\tGateway\neth0\t00000000\t{gateway:08X}\neth0\t0000000A\t00000000\n"
    pool = b"".join(
        key.encode().ljust(512, b"\0") + value.encode().ljust(2048, b"\0")
        for key, value in (("HostName", "NODE01"), ("PhysicalHostNameFullyQualified", "NODE01.lab.example"))
    )
    monkeypatch.setattr(independence, "RESOLVERS", (file("resolv", "# nothing\nnameserver 10.0.0.5\n"),))
    monkeypatch.setattr(independence, "ROUTES", file("route", routes))
    monkeypatch.setattr(independence, "KERBEROS", file("krb5", "[realms]\n LAB = {\n  kdc = dc01.lab.example:88\n }\n"))
    monkeypatch.setattr(independence, "HYPERV", file("pool", pool))
    around = surroundings([Need("gateway", "10.0.0.254")])
    assert around.host == "NODE01.lab.example"
    assert [(need.what, need.at) for need in around.needs] == [
        ("name server", "10.0.0.5"),
        ("gateway", "10.0.0.1"),
        ("domain controller", "dc01.lab.example"),
        ("gateway", "10.0.0.254"),
    ]
    assert len(told(around)) == 3


def test_machine_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROUTES", "KERBEROS", "HYPERV"):
        monkeypatch.setattr(independence, name, tmp_path / "none")
    monkeypatch.setattr(independence, "RESOLVERS", ())
    assert surroundings() == Surroundings(())
