"""Managed guests over real WinRM: each on its own address, as reachable as its virtual machine."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import winrm
from winrm.exceptions import InvalidCredentialsError

from harness.errors import LabError
from harness.labs.models import find_lab
from harness.labs.twin import TwinHosting
from tests.twin.guest.shell_guests import INSTALL, INVENTORY, by_task

S = 1_000_000_000
MINUTE = 60 * S


class Lab:
    """The shipped lab with Windows guests, embedded."""

    def __init__(self, **changes: Any) -> None:
        file = find_lab("twin-2node-guests").model_copy(update=changes)
        self.hosting = TwinHosting("twin-2node-guests#1", file.model_dump(by_alias=True, mode="json"))
        self.simulated = self.hosting.simulated
        self.model = self.simulated._plant.model

    def endpoint(self, name: str) -> dict[str, Any]:
        endpoint: dict[str, Any] = self.hosting.call("endpoint", {"name": name, "kind": "winrm"})
        return endpoint

    def session(self, name: str, secret: str = "") -> winrm.Session:
        """A pywinrm session with the guest's own account."""
        at = self.endpoint(name)
        url = f"http://{at['address']}:{at['port']}/wsman"
        return winrm.Session(url, auth=(at["username"], secret or at["secret"]), transport="ntlm")

    def text(self, name: str, script: str) -> str:
        """What a script prints on a guest; it must succeed."""
        reply = self.session(name).run_ps(script)
        assert reply.status_code == 0, reply.std_err.decode()
        return str(reply.std_out.decode()).strip()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A fresh instance."""
    made = Lab()
    yield made
    made.hosting.close()


def test_search_install_and_verify_with_pywinrm(lab: Lab) -> None:
    before = json.loads(lab.text("vm001", INVENTORY))
    denied = lab.session("vm001").run_ps("(New-Object -ComObject Microsoft.Update.Session).CreateUpdateInstaller()")
    assert denied.status_code == 1
    assert b"0x80070005" in denied.std_err
    done = json.loads(lab.text("vm001", by_task(INSTALL)))
    after = json.loads(lab.text("vm001", INVENTORY))
    assert (done["Kb"], done["Result"], done["Restart"]) == (["5072014"], 2, False)
    assert (before["UBR"], after["UBR"]) == (6899, 7392)
    assert (before["BootUtc"], before["Pids"]) == (after["BootUtc"], after["Pids"])
    assert not after["CbsPending"]
    assert lab.model.guests["vm001"].boot_id == 1


def test_each_guest_has_an_address_and_a_password_of_its_own(lab: Lab) -> None:
    managed = lab.hosting.call("describe", {})["managed_guests"]
    assert managed == ["vm001", "vm002", "vm003", "vm006", "vm007", "vm004", "vm005"]
    endpoints = [lab.endpoint(name) for name in managed]
    assert len({(at["address"], at["secret"]) for at in endpoints}) == len(managed)
    assert all(at["address"].split(".")[2] == "1" for at in endpoints)
    assert lab.text("vm002", "$env:COMPUTERNAME; $env:USERNAME") == "VM002\r\nAdministrator"
    with pytest.raises(InvalidCredentialsError):
        lab.session("vm002", secret=endpoints[0]["secret"]).run_ps("1")
    with pytest.raises(LabError, match="no endpoint"):
        lab.endpoint("vm008")


def test_a_guest_of_a_dead_node_does_not_answer_until_it_is_restarted_elsewhere(lab: Lab) -> None:
    boot = "(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToString('o')"
    before = lab.text("vm001", boot)
    lab.simulated.power_off("NODE01")
    with pytest.raises(requests.ConnectionError):
        lab.session("vm001").run_ps("1")
    assert lab.text("vm002", "$env:COMPUTERNAME") == "VM002", "a guest of the other node goes on"
    lab.simulated.advance(lab.simulated.now_ns + 10 * MINUTE)
    assert lab.text("vm001", boot) > before
    assert lab.model.guests["vm001"].owner == "NODE02"


def test_a_guest_without_network_does_not_answer(lab: Lab) -> None:
    with lab.simulated.engine.baton():
        lab.model.isolate("NODE01")
    with pytest.raises(requests.ConnectionError):
        lab.session("vm001").run_ps("1")


def test_a_session_lives_through_a_live_migration(lab: Lab) -> None:
    at = lab.endpoint("vm001")
    protocol = winrm.Protocol(
        f"http://{at['address']}:{at['port']}/wsman",
        transport="ntlm",
        username=at["username"],
        password=at["secret"],
    )
    shell = protocol.open_shell()
    connections = lab.simulated._guests._endpoints["vm001"].stats.connections
    with lab.simulated.engine.baton():
        lab.model.move_guest("vm001")
    _run_to_frozen(lab, "vm001")
    command = protocol.run_command(shell, "hostname")
    out, _, code = protocol.get_command_output(shell, command)
    assert (out.decode().strip(), code) == ("VM001", 0)
    assert lab.model.guests["vm001"].owner == "NODE02"
    (ended,) = [event for event in lab.model.events if event.kind == "vm.migration.end"]
    assert lab.simulated.now_ns - ended.t_ns < S, "the request waited for the end of the blackout and no longer"
    assert lab.simulated._guests._endpoints["vm001"].stats.connections == connections


def _run_to_frozen(lab: Lab, guest: str) -> None:
    """Let lab time pass, in small steps, until a guest is in the blackout of its migration."""
    frozen: Callable[[], bool] = lambda: lab.model.guests[guest].paused_since_ns is not None  # noqa: E731
    while not frozen():
        lab.simulated.advance(lab.simulated.now_ns + 20_000_000)


def test_a_new_baseline_ends_sessions_and_starts_from_the_lab_file(lab: Lab) -> None:
    lab.text("vm001", by_task(INSTALL))
    answer = lab.hosting.call(
        "baseline", {"versions": {}, "seed": 1, "provoke": [{"defect": "hotpatch_reboots_guest"}]}
    )
    assert answer["ready"], answer["reason"]
    assert json.loads(lab.text("vm001", INVENTORY))["UBR"] == 6899
    lab.model = lab.simulated._plant.model
    with contextlib.suppress(requests.ConnectionError):  # it depends on the moment whether the reply is still heard
        lab.session("vm001").run_ps(by_task(INSTALL))
    lab.simulated.advance(lab.simulated.now_ns + 10 * MINUTE)
    assert lab.model.guests["vm001"].boot_id == 2
    assert json.loads(lab.text("vm001", INVENTORY))["UBR"] == 7392


def test_a_frozen_guest_keeps_silent_until_its_client_gives_up(lab: Lab) -> None:
    guests, guest = lab.model._guests, lab.model.guests["vm001"]
    with lab.simulated.engine.baton():
        guests.freeze(guest)
    began_ns = lab.simulated.now_ns
    with pytest.raises(requests.ConnectionError):
        lab.session("vm001").run_ps("1")
    assert lab.simulated.now_ns - began_ns >= 30 * S
    with lab.simulated.engine.baton():
        guests.unfreeze(guest)
    assert lab.text("vm001", "6 * 7") == "42"
