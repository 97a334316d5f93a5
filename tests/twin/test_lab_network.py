"""A node that cut itself off: its WinRM service is out of reach until a new baseline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from requests.exceptions import RequestException
from winrm.exceptions import WinRMError
from winrm.protocol import Protocol

from harness.twin.clock import ClockMode
from harness.twin.lab import Account, LabSpec, SimulatedLab
from harness.twin.model import ModelSpec

MODEL = ModelSpec(nodes=2, guests=2)
PORT = 58995
CUT_OFF = "Disable-NetAdapter 'vManagement(compute_management)' -Confirm:$false"


@pytest.fixture
def lab() -> Iterator[SimulatedLab]:
    """Two nodes on a virtual clock."""
    account = Account("AZL", "hil", "Lab-Pass1")
    made = SimulatedLab(LabSpec(MODEL, ClockMode.parse("virtual"), account, PORT, PORT + 1, 1_000_000_000))
    yield made
    made.close()


def run(lab: SimulatedLab, node: str, script: str) -> str:
    account = lab.spec.account
    client = Protocol(
        f"http://{lab.node_address(node)}:{PORT}/wsman",
        transport="ntlm",
        username=account.login,
        password=account.password,
        operation_timeout_sec=2,
        read_timeout_sec=4,
        ca_trust_path=None,
    )
    shell = client.open_shell()
    command = client.run_command(shell, "powershell", ["-Command", script])
    out, err, _ = client.get_command_output(shell, command)
    return (out + err).decode().strip()


def test_a_node_cuts_itself_off_and_a_baseline_brings_it_back(lab: SimulatedLab) -> None:
    assert run(lab, "NODE02", "hostname") == "NODE02"
    with pytest.raises((RequestException, WinRMError)):
        run(lab, "NODE02", CUT_OFF)
        run(lab, "NODE02", "hostname")
    with pytest.raises((RequestException, WinRMError)):
        run(lab, "NODE02", "hostname")
    assert run(lab, "NODE01", "Test-Connection NODE02 -Count 1 -Quiet") == "False"
    lab.reset(MODEL)
    assert run(lab, "NODE02", "(Get-NetAdapter v*).Status") == "Up"
