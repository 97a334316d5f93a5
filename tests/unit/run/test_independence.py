"""The preflight refuses a machine that leans on the cluster under test, before anything is started."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.azurelocal.guest_addresses import read_guest_addresses
from harness.errors import CredentialRejectedError, ProductError
from harness.probes.independence import Need, Surroundings
from harness.run import independence
from harness.testing.lab import ScriptedLab

if TYPE_CHECKING:
    from tests.unit.run.conftest import Build

NAME_SERVER = Need("name server", "10.0.0.5")


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What this machine says about itself, and with which question."""
    told: dict[str, Any] = {"is": Surroundings(()), "asked": []}

    def surroundings(*, kerberos: bool) -> Surroundings:
        told["asked"].append(kerberos)
        found: Surroundings = told["is"]
        return found

    monkeypatch.setattr(independence, "surroundings", surroundings)
    return told


def lab_with(answer: Any) -> ScriptedLab:
    lab = ScriptedLab()
    lab.answers[read_guest_addresses().script] = answer
    return lab


def tell(node: str) -> Any:
    """Two guests, one of them known to the lab, on the second node."""
    rows = [{"vm": "vm01", "at": ["10.0.0.21"]}, {"vm": "DC01", "at": ["10.0.0.5", "fe80::5"]}]
    return rows if node == "NODE02" else []


def test_machine_outside_goes_on(build: Build, around: dict[str, Any]) -> None:
    around["is"] = Surroundings((Need("name server", "10.0.0.6"), Need("name server", "10.0.0.7")), name="prober")
    lab = lab_with(tell)
    rig = build(lab=lab)
    assert rig.attempt() == "completed"
    assert rig.findings() == []
    assert len(rig.find("update.start")) == 1
    (record,) = rig.find("independence")
    assert record.data["guests"] == {**dict.fromkeys(lab.guests, 0), "vm01": 1, "DC01": 2}
    assert (record.data["silent"], record.data["objections"]) == ([], [])
    assert record.data["host"] == {"needs": {"name server": 2}}
    assert "10.0.0" not in str(record.data)
    assert around["asked"] == [False]


def test_machine_inside_is_refused(build: Build, around: dict[str, Any]) -> None:
    around["is"] = Surroundings((NAME_SERVER,))
    rig = build(lab=lab_with(tell))
    assert rig.attempt() == "completed"
    assert rig.findings() == ["prober-inside"]
    assert rig.find("update.start") == []
    (record,), (finding,) = rig.find("independence"), rig.find("finding")
    assert record.data["objections"] == ["its name server 10.0.0.5 is guest 'DC01'"]
    assert (finding.data["about"], finding.data["outcome"]) == ("lab", "lab")
    assert finding.data["evidence"] == [record.seq]
    assert "its name server 10.0.0.5 is guest 'DC01'" in finding.data["summary"]
    assert "start the run on a machine outside" in finding.data["summary"]


def test_not_knowing_is_no_refusal(build: Build, around: dict[str, Any]) -> None:
    around["is"] = Surroundings((NAME_SERVER,))

    def refuse(node: str) -> Any:
        if node == "NODE02":
            raise ProductError("Get-VMNetworkAdapter is not there")
        return []

    rig = build(lab=lab_with(refuse))
    assert rig.attempt() == "completed"
    assert rig.findings() == []
    (record,) = rig.find("independence")
    assert record.data["silent"] == ["NODE02"]


def test_one_node_that_knows_is_enough(build: Build, around: dict[str, Any]) -> None:
    around["is"] = Surroundings((NAME_SERVER,))
    lab = lab_with(tell)
    lab.machine("NODE03").serving = False
    rig = build(lab=lab)
    assert rig.attempt() == "completed"
    assert rig.findings() == ["prober-inside"]
    assert rig.find("independence")[0].data["silent"] == ["NODE03"]


def test_domain_controllers_count_where_the_log_on_is_by_kerberos(
    build: Build, around: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_with(tell)
    plain = lab.endpoint
    monkeypatch.setattr(lab, "endpoint", lambda name, kind: replace(plain(name, kind), transport="kerberos"))
    build(lab=lab).attempt()
    assert around["asked"] == [True]


def test_refused_account_is_not_a_matter_of_independence(build: Build, around: dict[str, Any]) -> None:
    def refuse(node: str) -> Any:
        raise CredentialRejectedError(f"'{node}' refused the account")

    rig = build(lab=lab_with(refuse))
    rig.attempt()
    assert rig.findings() == ["credential-rejected"]
    assert rig.find("independence") == []


def test_asked_once_although_the_process_dies_later(build: Build, around: dict[str, Any]) -> None:
    rig = build(lab=lab_with(tell))
    whole = build(lab=lab_with(tell))
    whole.attempt()
    started = whole.find("update.started")[0].seq
    assert rig.attempt(dies_at=started) is None
    around["is"] = Surroundings((NAME_SERVER,))
    assert rig.attempt() == "completed"
    assert len(rig.find("independence")) == 1
    assert rig.findings() == []
