"""Whether the prober leans on what it watches: the rule, and what a Linux machine says about itself."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.probes import independence
from harness.probes.independence import ClusterUnderTest, Need, Surroundings, is_own_address, objections, surroundings

CLUSTER = ClusterUnderTest(
    {"web01": ("10.0.0.21", "fd00::21"), "DC01": ("10.0.0.5",), "off": ()}, ("NODE01", "node02.corp.example")
)
SIMULATED = ClusterUnderTest({"VM01": ("198.19.0.1",), "VM02": ("127.64.1.1",)}, ("NODE01",))
UNKNOWN = ClusterUnderTest({"VM01": (), "VM02": ("127.64.1.1", "::1")}, ("NODE01",))


def against(cluster: ClusterUnderTest, *needs: Need, host: str = "", name: str = "", own: str = "") -> list[str]:
    return objections(cluster, Surroundings(needs, host, name), is_own=lambda address: address == own)


def test_machine_outside_may_watch() -> None:
    needs = (Need("name server", "10.0.0.6"), Need("gateway", "10.0.0.1"), Need("domain controller", "dc02.corp"))
    assert against(CLUSTER, *needs, host="hyperv9", name="prober", own="10.0.0.9") == []


@pytest.mark.parametrize("own", ["10.0.0.21", "fd00::21"])
def test_prober_has_the_address_of_a_guest(own: str) -> None:
    assert against(CLUSTER, own=own) == [f"the prober itself is guest 'web01': {own} is an address of it"]


@pytest.mark.parametrize("what", ["name server", "domain controller", "gateway"])
def test_server_is_a_guest_by_its_address(what: str) -> None:
    assert against(CLUSTER, Need(what, "10.0.0.5")) == [f"its {what} 10.0.0.5 is guest 'DC01'"]


def test_addresses_are_compared_and_not_their_spelling() -> None:
    assert against(CLUSTER, Need("gateway", "FD00:0::0021%eth0")) == ["its gateway FD00:0::0021%eth0 is guest 'web01'"]


@pytest.mark.parametrize("what", ["name server", "domain controller", "gateway"])
def test_server_is_a_guest_by_its_name(what: str) -> None:
    found = against(CLUSTER, Need(what, "dc01.corp.example"))
    assert found == [f"its {what} dc01.corp.example is guest 'DC01'"]


def test_prober_runs_on_a_node() -> None:
    for host in ("node01.corp.example", "NODE02"):
        assert len(against(CLUSTER, host=host)) == 1
    assert "runs on node 'NODE01'" in against(CLUSTER, host="node01.corp.example")[0]


def test_prober_has_the_name_of_a_guest() -> None:
    assert against(CLUSTER, name="WEB01.corp.example") == [
        "the prober itself is guest 'web01': its host name is WEB01.corp.example"
    ]


def test_every_reason_is_said_once() -> None:
    need = Need("name server", "10.0.0.5")
    assert len(against(CLUSTER, need, need, Need("gateway", "10.0.0.5"), own="10.0.0.21", name="web01")) == 4


@pytest.mark.parametrize("cluster", [UNKNOWN, SIMULATED, ClusterUnderTest({})])
def test_names_say_nothing_where_no_guest_is_out_in_the_world(cluster: ClusterUnderTest) -> None:
    assert against(cluster, Need("domain controller", "vm02"), host="NODE01", name="VM01") == []


def test_loopback_is_everybodys() -> None:
    assert against(UNKNOWN, Need("name server", "127.64.1.1"), Need("gateway", "::1"), own="127.64.1.1") == []


def test_made_up_address_counts_where_the_machine_really_needs_it() -> None:
    assert against(SIMULATED, Need("name server", "198.19.0.1")) == ["its name server 198.19.0.1 is guest 'VM01'"]


@settings(deadline=None)
@given(st.ip_addresses(), st.ip_addresses(), st.booleans())
def test_refused_for_no_other_address_than_that_of_a_guest(guest: object, other: object, same: bool) -> None:
    server = guest if same else other
    found = against(ClusterUnderTest({"vm": (str(guest),)}), Need("name server", str(server)))
    loopback = guest.is_loopback  # type: ignore[attr-defined]
    assert bool(found) is (guest == server and not loopback)


def test_own_addresses() -> None:
    assert not is_own_address("127.0.0.1")
    assert not is_own_address("::1")
    assert not is_own_address("198.19.0.1")
    assert not is_own_address("no-address")


# --- this machine's settings


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any setting; files named as below say something."""
    monkeypatch.setattr(independence, "RESOLVERS", (tmp_path / "stub", tmp_path / "resolv"))
    for name in ("ROUTES", "ROUTES_V6", "KERBEROS", "HYPERV"):
        monkeypatch.setattr(independence, name, tmp_path / name)
    return tmp_path


def test_machine_that_says_nothing(machine: Path) -> None:
    assert surroundings() == Surroundings((), "", socket.gethostname())


def test_name_servers_also_behind_the_stub(machine: Path) -> None:
    (machine / "stub").write_text("# generated\nnameserver 127.0.0.53\noptions edns0\n")
    (machine / "resolv").write_text("nameserver 10.0.0.5\n  nameserver fd00::5\n#nameserver 10.0.0.6\n")
    assert [need.at for need in surroundings().needs] == ["127.0.0.53", "10.0.0.5", "fd00::5"]


def test_gateways(machine: Path) -> None:
    head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"
    (machine / "ROUTES").write_text(
        f"{head}eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\neth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\n"
    )
    nowhere, hop = "0" * 32, "fe80" + "0" * 27 + "1"
    (machine / "ROUTES_V6").write_text(
        f"{nowhere} 00 {nowhere} 00 {hop} 00000400 1 0 00000003 eth0\n"
        f"{hop} 40 {nowhere} 00 {nowhere} 00000100 1 0 00000001 eth0\n"
    )
    assert surroundings().needs == (Need("gateway", "10.0.0.1"), Need("gateway", "fe80::1"))


def test_domain_controllers_only_where_they_are_logged_on_with(machine: Path) -> None:
    (machine / "KERBEROS").write_text("[realms]\n CORP = {\n  kdc = dc01.corp.example:88\n  admin_server=dc01\n }\n")
    found = surroundings(kerberos=True).needs
    assert [need.at for need in found] == ["dc01.corp.example", "dc01"]
    assert {need.what for need in found} == {"domain controller"}
    assert surroundings(kerberos=False).needs == ()


def test_operators_own_needs_come_too(machine: Path) -> None:
    need = Need("gateway", "10.0.0.1")
    assert surroundings([need, need]).needs == (need,)


def test_host_of_a_hyperv_guest(machine: Path) -> None:
    def row(key: str, value: str) -> bytes:
        return key.encode().ljust(512, b"\0") + value.encode().ljust(2048, b"\0")

    (machine / "HYPERV").write_bytes(row("VirtualMachineName", "web01") + row("PhysicalHostName", "NODE01"))
    assert surroundings().host == "NODE01"
    (machine / "HYPERV").write_bytes(b"torn")
    assert surroundings().host == ""


def test_everything_that_speaks_against_a_machine(machine: Path) -> None:
    """The settings of a guest with the rule."""
    (machine / "resolv").write_text("nameserver 10.0.0.5\n")
    (machine / "ROUTES").write_text("Iface\tDestination\tGateway\neth0\t00000000\t1500000A\n")
    (machine / "KERBEROS").write_text("[realms]\n LAB = {\n  kdc = dc01.lab.example:88\n }\n")
    found = objections(CLUSTER, surroundings([Need("gateway", "10.0.0.254")]), is_own=lambda address: False)
    assert found == [
        "its name server 10.0.0.5 is guest 'DC01'",
        "its gateway 10.0.0.21 is guest 'web01'",
        "its domain controller dc01.lab.example is guest 'DC01'",
    ]
